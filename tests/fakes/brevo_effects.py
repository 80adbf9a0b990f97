"""What really left the fake Brevo: one effect for each message, once for each idempotency key."""

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

KEY_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Effect:
    """One message that a person would have received."""

    channel: str
    key: str
    to: str
    tag: str
    delivery_id: str
    subject: str
    text: str
    html: str
    message_id: str
    at: float


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and its JSON body."""

    status: int
    body: Mapping[str, Any]


def fault(code: str, message: str, status: int = 400) -> Reply:
    """Return an error as the API words it."""
    return Reply(status, {"code": code, "message": message})


class Effects:
    """Accepts sends, all or nothing each, and remembers them; in a file too, if one is given."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, float] = {}
        self._done: list[Effect] = []
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND) if path else None
        if path:
            self._done = [Effect(**json.loads(line)) for line in path.read_text().splitlines() if line]
            self._keys = {effect.key: effect.at for effect in self._done if effect.key}

    def all(self) -> list[Effect]:
        """Return every effect so far, the oldest first."""
        with self._lock:
            return list(self._done)

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def email(self, body: Mapping[str, Any], rejected: set[str], *, dry: bool) -> Reply:
        """Accept one email call, or refuse it whole. ``dry``: check and answer, but send nothing."""
        versions = body.get("messageVersions")
        found = wrong_email(body, rejected)
        if found:
            return found
        key = str(body.get("headers", {}).get("idempotencyKey", ""))
        effects = [_email(body, version, key, n) for n, version in enumerate(versions or [body])]
        if not self._take(key, effects, dry=dry):
            return fault("duplicate_parameter", "The idempotency key has been used already")
        ids = [effect.message_id for effect in effects]
        return Reply(201, {"messageIds": ids} if versions else {"messageId": ids[0]})

    def sms(self, body: Mapping[str, Any], rejected: set[str], *, dry: bool) -> Reply:
        """Accept one SMS, or refuse it."""
        for name in ("sender", "recipient", "content"):
            if not body.get(name):
                return fault("missing_parameter", f"{name} is missing")
        if body["recipient"] in rejected:
            return fault("invalid_parameter", "Invalid telephone number")
        number = uuid4().int >> 76
        tag = str(body.get("tag", ""))
        effect = Effect(
            "sms", "", body["recipient"], tag, tag, "", body["content"], "", str(number), time.time()
        )
        self._take("", [effect], dry=dry)
        return Reply(
            201,
            {
                "reference": f"r{number}",
                "messageId": number,
                "smsCount": 1,
                "usedCredits": 1.0,
                "remainingCredits": 9.0,
            },
        )

    def _take(self, key: str, effects: Sequence[Effect], *, dry: bool) -> bool:
        with self._lock:
            if key and time.time() - self._keys.get(key, 0.0) < KEY_SECONDS:
                return False
            if dry:
                return True
            if key:
                self._keys[key] = time.time()
            self._done.extend(effects)
            if self._fd is not None:
                lines = "".join(json.dumps(asdict(effect)) + "\n" for effect in effects)
                os.write(self._fd, lines.encode())
            return True


def wrong_email(body: Mapping[str, Any], rejected: set[str]) -> Reply | None:
    """Return the refusal of a malformed or unwanted call; like the real API's, it names no address."""
    versions = body.get("messageVersions") or [body]
    if not body.get("sender", {}).get("email"):
        return fault("missing_parameter", "sender is missing")
    if not body.get("subject") or not (body.get("htmlContent") or body.get("textContent")):
        return fault("missing_parameter", "subject and htmlContent or textContent are missing")
    if len(versions) > 1000 or any(len(version["to"]) > 99 for version in versions):
        return fault("out_of_range", "too many recipients")
    if "tags" in body and not body["tags"]:
        return fault("invalid_parameter", "tags should not be blank")
    people = [person for version in versions for person in version["to"]]
    if any(person.get("name", "?") == "" for person in people):
        return fault("missing_parameter", "name is missing in to")
    if any(person["email"] in rejected or "@" not in person["email"] for person in people):
        return fault("invalid_parameter", "email is not valid in to")
    return None


def _email(body: Mapping[str, Any], version: Mapping[str, Any], key: str, number: int) -> Effect:
    return Effect(
        channel="email",
        key=key,
        to=version["to"][0]["email"],
        tag=(body.get("tags") or [""])[0],
        delivery_id=version.get("headers", {}).get("X-Mailin-custom", ""),
        subject=version.get("subject", body["subject"]),
        text=version.get("textContent", body.get("textContent", "")),
        html=version.get("htmlContent", body.get("htmlContent", "")),
        message_id=f"<{uuid4().hex}.{number}@relay.test>",
        at=time.time(),
    )
