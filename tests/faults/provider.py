"""A provider with seeded troubles, which remembers what it did to whom."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain, cycle
from random import Random
from typing import Any, Final

from tests.fakes.brevo_plan import PRESETS, Behaviour, ending, rate_limited
from tests.fakes.brevo_server import API_KEY, BrevoServer
from tests.faults.evidence import Sent
from tests.faults.postman import TOKEN

TIMEOUT_SECONDS: Final = 1.0
RATE: Final = {"email": 0.5, "sms": 0.12}
MOST_TROUBLES: Final = 2  # for one call and its repeats: pauses double, and a run has to end
TROUBLES: Final[Mapping[str, Behaviour]] = {
    "500_after": PRESETS["500_after"],
    "429": rate_limited(reset=0.5),
    "500_before": PRESETS["500_before"],
    "timeout_before": ending("hang", accept=False, seconds=TIMEOUT_SECONDS + 0.5),
    "timeout_after": ending("hang", accept=True, seconds=TIMEOUT_SECONDS + 0.5),
    "close_after": PRESETS["close_after"],
    "reset_before": PRESETS["reset_before"],
    "reset_after": PRESETS["reset_after"],
    "cut": PRESETS["cut"],
}
CERTAIN: Final = frozenset({"429"})


class TroubledProvider:
    """The fake Brevo with a will of its own: the seed and whom a call is for decide what happens to it."""

    def __init__(self, seed: int, rate: Mapping[str, float] = RATE, latency: float = 0.015) -> None:
        self.brevo = BrevoServer()
        self.brevo.plan.decide = self._decide
        self.brevo.plan.latency = latency
        self.repeats = self.known_keys = 0
        self.done: Counter[str] = Counter()
        self._seed, self._rate = seed, rate
        self._asked: Counter[str] = Counter()
        self._accepted: set[str] = set()  # keys that a repeat of which is a ``duplicate_parameter``
        self._ambiguous: dict[str, list[str]] = defaultdict(list)
        self._troubles = {channel: _one_after_the_other() for channel in rate}
        self._lock = threading.Lock()

    @property
    def environment(self) -> dict[str, str]:
        """What the product has to be told to send through it."""
        return {
            "BREVO_API_KEY": API_KEY,
            "BREVO_API_URL": self.brevo.url,
            "BREVO_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
            "BREAKER_OPEN_SECONDS": "0.5",
            "SENDER_EMAIL": "office@example.com",
            "SMS_SENDER": "VERSANT",
            "WEBHOOK_TOKEN": TOKEN,
        }

    def refuse(self, address: str) -> None:
        """Take nothing for this address."""
        self.brevo.plan.rejected.add(address)

    def forgive(self, address: str) -> None:
        """Take messages for this address again."""
        self.brevo.plan.rejected.discard(address)

    @property
    def ambiguous(self) -> dict[str, str]:
        """What was done to deliveries that left their sender in doubt, by delivery id."""
        with self._lock:
            return {delivery_id: ", ".join(what) for delivery_id, what in self._ambiguous.items()}

    def sent(self) -> list[Sent]:
        """Return every effect."""
        return [Sent(effect.delivery_id, effect.channel, effect.to) for effect in self.brevo.effects()]

    def _decide(self, body: Mapping[str, Any]) -> Behaviour | None:
        channel, people = _call(body)
        ids, name = tuple(people), " ".join(people.values())
        key = body.get("headers", {}).get("idempotencyKey", "")
        with self._lock:
            self._asked[name] += 1
            self.repeats += self._asked[name] > 1
            self.known_keys += bool(key) and key in self._accepted
            random = Random(f"{self._seed} {name} {self._asked[name]}")  # ids differ from run to run
            if self._asked[name] > MOST_TROUBLES or random.random() >= self._rate[channel]:
                self._accepted.add(key)
                return None
            trouble = next(self._troubles[channel])
            if TROUBLES[trouble].accept:
                self._accepted.add(key)
            self.done[f"{channel} {trouble}"] += 1
            if trouble not in CERTAIN:
                for delivery_id in ids:
                    self._ambiguous[delivery_id].append(trouble)
        return TROUBLES[trouble]


def _one_after_the_other() -> Iterator[str]:
    """Yield troubles so that each kind has its turn; 429 once, for each halves the pace for two minutes."""
    return chain(TROUBLES, cycle([trouble for trouble in TROUBLES if trouble not in CERTAIN]))


def _call(body: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return a call's channel, and the address of each delivery that it carries."""
    if "recipient" in body:
        return "sms", {str(body["tag"]): str(body["recipient"])}
    versions = body["messageVersions"]
    return "email", {
        version["headers"]["X-Mailin-custom"]: str(version["to"][0]["email"]) for version in versions
    }
