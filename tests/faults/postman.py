"""Brevo's callbacks while things die: doubled, reordered, until they are taken; some never come."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from threading import Event, Thread
from typing import Any, Final
from urllib.error import URLError

from tests.fakes.brevo_effects import Effect
from tests.fakes.brevo_server import BrevoServer
from tests.fakes.brevo_webhooks import Callback, event_of
from tests.waiting import until

TOKEN: Final = "postman-0123456789abcdef0123456789abcdef"
LARGEST: Final = 25
PAUSE: Final = 0.15
FLUSH_SECONDS: Final = 120.0
Fate = tuple[str, Sequence[str]]  # what stands in the end, and what is told until then
FATES: Final[Mapping[str, Sequence[tuple[float, Fate]]]] = {
    "email": (
        (0.55, ("delivered", ("request", "delivered"))),
        (0.10, ("delivered", ("request", "soft_bounce", "delivered", "opened"))),
        (0.10, ("bounced", ("request", "hard_bounce"))),
        (0.10, ("complained", ("request", "delivered", "spam"))),
        (0.15, ("", ())),
    ),
    "sms": (
        (0.7, ("delivered", ("sent", "delivered"))),
        (0.15, ("bounced", ("sent", "hard_bounce"))),
        (0.15, ("", ())),
    ),
}


class Postman(Thread):
    """Tells a product about what really left, until ``finish``. ``told`` is what must stand, by delivery."""

    def __init__(self, brevo: BrevoServer, url: Callable[[], str], seed: int) -> None:
        super().__init__(name="postman", daemon=True)
        self._brevo, self._url, self._random = brevo, url, Random(f"postman {seed}")
        self._seed, self._seen = seed, 0
        self._bag: dict[str, list[Any]] = {channel: [] for channel in FATES}
        self._enough = Event()
        self.told: dict[str, str] = {}
        self.calls = 0

    def run(self) -> None:
        """Tell some of what there is, time and again."""
        while not self._enough.wait(PAUSE):
            self._collect()
            self._tell()

    def finish(self) -> None:
        """Tell what is left; return when everything has been taken."""
        self._enough.set()
        self.join()
        self._collect()

        def taken() -> bool:
            self._tell()
            return not any(self._bag.values())

        until(taken, "callbacks taken", FLUSH_SECONDS)

    def _collect(self) -> None:
        effects = self._brevo.effects()
        for effect in effects[self._seen :]:
            state, names = self._fate(effect)
            if state:
                self.told[effect.delivery_id] = state
            for step, name in enumerate(names):
                told = event_of(effect, name, effect.at + step)
                self._bag[effect.channel] += [told] * self._random.randint(1, 3)
        self._seen = len(effects)

    def _fate(self, effect: Effect) -> Fate:
        fates = FATES[effect.channel]
        chosen = Random(f"{self._seed} {effect.to}").choices(
            [fate for _, fate in fates], [w for w, _ in fates]
        )
        return chosen[0]

    def _tell(self) -> None:
        for channel, bag in self._bag.items():
            self._random.shuffle(bag)
            some = [bag.pop() for _ in range(min(len(bag), self._random.randint(1, LARGEST)))]
            if some and not self._taken(channel, some):
                bag += some

    def _taken(self, channel: str, some: Sequence[Any]) -> bool:
        self.calls += 1
        try:
            return Callback(f"{self._url()}/webhooks/brevo/{channel}", TOKEN).post(list(some)) == 204
        except (URLError, OSError, ValueError):
            return False
