"""What the fake Brevo is told to do with a request: behaviours, and plans that choose among them."""

import random
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

Ending = Literal["answer", "hang", "close", "reset", "cut", "garbage"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way to treat one request.

    ``accept``: the effects happen before whatever goes wrong. ``status`` 0: the real answer. ``ending``:
    answer; hang (``seconds`` of silence, then close); close or reset without an answer; cut (half of the real
    answer); garbage (the real status, a body that is no JSON).
    """

    ending: Ending = "answer"
    status: int = 0
    accept: bool = True
    code: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 60.0


NORMAL = Behaviour()


def rate_limited(reset: float | None = 2, header: str = "x-sib-ratelimit-reset") -> Behaviour:
    headers = {} if reset is None else {header: str(reset)}
    return Behaviour(status=429, accept=False, headers=headers, message="Too many requests")


def refusal(status: int, code: str, message: str) -> Behaviour:
    return Behaviour(status=status, accept=False, code=code, message=message)


def server_error(status: int = 500, *, accept: bool) -> Behaviour:
    return Behaviour(status=status, accept=accept, message="Internal error")


def ending(kind: Ending, *, accept: bool, seconds: float = 60.0) -> Behaviour:
    return Behaviour(ending=kind, accept=accept, seconds=seconds)


PRESETS: Mapping[str, Behaviour] = {
    "ok": NORMAL,
    "401": refusal(401, "unauthorized", "Key not found"),
    "402": refusal(402, "not_enough_credits", "Not enough credits"),
    "403": refusal(403, "permission_denied", "Your account is under validation"),
    "429": rate_limited(),
    "429_silent": rate_limited(None),
    "500_before": server_error(accept=False),
    "500_after": server_error(accept=True),
    "hang_before": ending("hang", accept=False),
    "hang_after": ending("hang", accept=True),
    "close_before": ending("close", accept=False),
    "close_after": ending("close", accept=True),
    "reset_before": ending("reset", accept=False),
    "reset_after": ending("reset", accept=True),
    "cut": ending("cut", accept=True),
    "garbage": ending("garbage", accept=True),
}
RANDOM_KINDS = (
    "429",
    "500_before",
    "500_after",
    "close_before",
    "close_after",
    "reset_before",
    "reset_after",
    "cut",
)


def behaviour(spec: str | Mapping[str, Any]) -> Behaviour:
    """Return a behaviour from its preset's name or from its fields (``{"preset": …}`` may be the start)."""
    if isinstance(spec, str):
        return PRESETS[spec]
    fields = dict(spec)
    start = PRESETS[fields.pop("preset", "ok")]
    return Behaviour(**({name: getattr(start, name) for name in Behaviour.__slots__} | fields))


class Plan:
    """Chooses what happens to a send: the script, then ``decide``, ``always``, seeded chance, else normal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._script: deque[Behaviour] = deque()
        self._random, self._rate, self._kinds = random.Random(0), 0.0, list(RANDOM_KINDS)
        self.decide: Callable[[Mapping[str, Any]], Behaviour | None] = lambda _: None
        self.always: Behaviour | None = None
        self.latency = 0.0
        self.latency_per_message = 0.0
        self.rejected: set[str] = set()
        self.credits: dict[str, float] = {"email": 300.0, "sms": 50.0}

    def script(self, *behaviours: Behaviour | str) -> Self:
        """Queue behaviours, one for each of the next sends."""
        with self._lock:
            self._script.extend(behaviour(one) if isinstance(one, str) else one for one in behaviours)
        return self

    def next(self, body: Mapping[str, Any]) -> Behaviour:
        """Return the behaviour for the request that just came."""
        with self._lock:
            if self._script:
                return self._script.popleft()
            if chosen := self.decide(body) or self.always:
                return chosen
            if self._random.random() < self._rate:
                return PRESETS[self._random.choice(self._kinds)]
            return NORMAL

    def load(self, given: Mapping[str, Any]) -> None:
        """Take a plan from JSON; what it does not name goes back to normal.

        ``{"script": ["500_before", {"preset": "429", …}], "always": "402", "random": {"seed": 7, "rate": 0.2,
        "kinds": […], "hang": 2}, "rejected": ["a@b.c"], "credits": {"sms": 0},
        "latency": 0.01, "latency_per_message": 0.001}``
        """
        chance = given.get("random", {})
        with self._lock:
            self._script = deque(behaviour(one) for one in given.get("script", []))
            self.always = behaviour(given["always"]) if given.get("always") else None
            self._random = random.Random(chance.get("seed", 0))
            self._rate = float(chance.get("rate", 0.0))
            self._kinds = list(chance.get("kinds", RANDOM_KINDS))
            self.credits |= given.get("credits", {})
            self.rejected = set(given.get("rejected", []))
            self.latency = float(given.get("latency", 0.0))
            self.latency_per_message = float(given.get("latency_per_message", 0.0))
