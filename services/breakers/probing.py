"""Asking, in the background, whether a service is back whose breaker is open."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from utils.async_processor import AsyncProcessor
from utils.clock import Clock
from utils.resilient_services import Breakers, BreakerState, equal_jitter
from utils.tasks import ServerIsBusy, Task

FIRST_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 300.0


@dataclass(slots=True)
class _Trouble:
    due: float
    asked: int = 0
    task: Task[object] | None = None


class BreakerProbing:
    """Asks after 5, 10, 20 … seconds of trouble, at most every five minutes.

    The pause grows while the breaker does not close: a service may answer a question and still fail at what
    it is for, and then each probe that we bring forward costs a real call.
    """

    def __init__(self, breakers: Breakers, processor: AsyncProcessor, clock: Clock) -> None:
        self._breakers, self._processor, self._clock = breakers, processor, clock
        self._troubles: dict[str, _Trouble] = {}

    def tick(self) -> None:
        """Ask where it is time to, and wait for no answer."""
        for breaker in self._breakers.all():
            if breaker.state is BreakerState.CLOSED:
                self._troubles.pop(breaker.name, None)
        for breaker, check in self._breakers.to_probe():
            self._ask(breaker.name, check)

    def _ask(self, name: str, check: Callable[[], object]) -> None:
        now = self._clock.monotonic()
        trouble = self._troubles.setdefault(name, _Trouble(now + self._pause(1)))
        if now < trouble.due or (trouble.task is not None and not trouble.task.done()):
            return
        try:
            trouble.task = self._processor.submit(check)
        except ServerIsBusy:
            return
        trouble.asked += 1
        trouble.due = now + self._pause(trouble.asked + 1)

    def _pause(self, number: int) -> float:
        return equal_jitter(number, base=FIRST_SECONDS, cap=LONGEST_SECONDS)
