"""The fake Brevo's callbacks: what it tells about the messages that really left, in Brevo's words."""

import json
import random
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.brevo_effects import Effect

Event = dict[str, Any]
SUBJECT = "What the message was called"


def email_event(effect: Effect, name: str, at: float | None = None, **more: Any) -> Event:
    """Return an event about an email."""
    stamp = int(at or time.time())
    return {
        "event": name,
        "email": effect.to,
        "id": 26224,
        "date": "2026-11-26 12:00:00",
        "ts": stamp + 3600,
        "message-id": effect.message_id,
        "ts_event": stamp,
        "ts_epoch": stamp * 1000,
        "subject": SUBJECT,
        "X-Mailin-custom": effect.delivery_id,
        "sending_ip": "192.0.2.1",
        "template_id": 0,
        "tags": [effect.tag],
        "contact_id": 8,
        **more,
    }


def sms_event(effect: Effect, name: str, at: float | None = None, **more: Any) -> Event:
    """Return an event about an SMS."""
    return {
        "id": 26225,
        "to": effect.to.lstrip("+"),
        "sms_count": 1,
        "credits_used": 1.5,
        "messageId": int(effect.message_id),
        "remaining_credit": 100.5,
        "msg_status": name,
        "date": "2026-11-26 12:00:00",
        "type": "transactional",
        "reference": {"1": f"r{effect.message_id}"},
        "ts_event": int(at or time.time()),
        "tag": effect.tag,
        **more,
    }


def event_of(effect: Effect, name: str, at: float | None = None, **more: Any) -> Event:
    """Return an event about a message of whatever channel."""
    return (email_event if effect.channel == "email" else sms_event)(effect, name, at, **more)


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a webhook is set to, and how it is proven."""

    url: str
    token: str

    def post(self, body: Any) -> int:
        """Send one callback as Brevo does; return the status of the answer."""
        head = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        asked = urllib.request.Request(self.url, json.dumps(body).encode(), head, method="POST")
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return int(answer.status)

    def tell(
        self,
        effects: Sequence[Effect],
        names: Sequence[str],
        *,
        times: int = 1,
        seed: int = 0,
        batch: int = 1,
    ) -> int:
        """Tell each event of each effect, ``times`` over, shuffled, ``batch`` a call; return the calls."""
        now = time.time()
        events = [
            event_of(effect, name, now + step) for effect in effects for step, name in enumerate(names)
        ] * times
        random.Random(seed).shuffle(events)
        calls = [events[start : start + batch] for start in range(0, len(events), batch)]
        for some in calls:
            assert self.post(some[0] if batch == 1 else some) == 204
        return len(calls)
