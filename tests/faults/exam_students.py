"""Students who sit one exam after the other: they save, look, change devices, end, or let the time run out.

Each is a client as ours are told to be: what was not acknowledged is sent again with its number, beside what
is new. What each request was and what came of it goes into a history.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.exam_hall import DEVICES, RIGHT, Seat
from tests.faults.exam_checker import CLOSED
from tests.faults.exam_history import Answer, Deed, Did, Outcome
from tests.wire import Line, Unanswered, request, slug

PATIENCE: Final = 3.5  # seconds that a client waits for an answer
AGAIN_SECONDS: Final = 0.15
BACK_OFF: Final = (0.1, 0.5)  # seconds after there was no answer
LATER: Final = (429, 500, 502, 503)
HELD_ELSEWHERE: Final = "attempt-held-elsewhere"
DOLLARS: Final = ("$answers", "$$ROOT.campus_id", "$$NOW", "$seed", "$")


@dataclass(frozen=True, slots=True)
class Habits:
    """How often a student does what, and how long they think (seconds, drawn evenly)."""

    thinks: tuple[float, float] = (0.05, 0.4)
    saves: tuple[int, int] = (8, 40)
    slots_at_once: int = 4
    twice_at_once: float = 0.15
    looks: float = 0.05
    changes_device: float = 0.03
    begins_together: float = 0.2
    forgets_a_device: float = 0.5  # which then tries to save once more
    ends_together: float = 0.5  # an end is asked for twice at once, with a save beside it


@dataclass(frozen=True, slots=True)
class Exams:
    """The tests that may be begun; ``lapsing`` ones end by their time, nobody submits them."""

    usual: Sequence[str]
    lapsing: Sequence[str] = ()
    share_lapsing: float = 0.3


@dataclass(slots=True)
class Sitting:
    """One attempt, as its student's devices know it."""

    attempt: str
    slots: Sequence[str]
    seq: int = 0
    waiting: dict[str, Answer] = field(default_factory=dict)
    over: bool = False


class Student:
    """One person. ``sit`` until told that it is enough; then the attempt in hand is brought to its end."""

    def __init__(
        self, seat: Seat, port: Callable[[], int], history: list[Deed], random: Random, habits: Habits
    ) -> None:
        self._seat, self._port, self._history = seat, port, history
        self._random, self._habits = random, habits
        self._device = DEVICES[0]

    async def sit(self, exams: Exams, enough: asyncio.Event) -> None:
        """Sit one exam after the other."""
        while not enough.is_set():
            lapses = bool(exams.lapsing) and self._random.random() < exams.share_lapsing
            test_id = self._random.choice(exams.lapsing if lapses else exams.usual)
            sitting = await self._begin(test_id)
            if sitting is None:
                exams = Exams(exams.usual)  # the window of the others has closed
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            await self._answer(sitting, enough, lapses)
            if not sitting.over:
                await self._end(sitting)
            await self._look(sitting)

    async def _begin(self, test_id: str) -> Sitting | None:
        """Return the attempt; None where it is too late to begin.

        Each time the button is pressed has to be answered before anybody goes on: one that is still on its
        way could begin another attempt later.
        """
        path, sitting = f"/student/tests/{test_id}/attempts", None
        pressed = [uuid.uuid4().hex]
        if self._random.random() < self._habits.begins_together:
            pressed.append(uuid.uuid4().hex)
        while pressed:
            asked = [self._do(Did.START, "", "POST", path, key=key) for key in pressed]
            deeds = dict(zip(pressed, await asyncio.gather(*asked), strict=True))
            pressed = [key for key, deed in deeds.items() if deed.outcome is Outcome.UNKNOWN]
            for deed in deeds.values():
                if deed.ok:
                    slots = [one["slot"] for part in deed.reply["paper"]["sections"] for one in part["slots"]]
                    sitting = Sitting(deed.attempt, slots)
            await asyncio.sleep(AGAIN_SECONDS if pressed else 0)
        return sitting

    async def _answer(self, sitting: Sitting, enough: asyncio.Event, lapses: bool) -> None:
        left = self._random.randint(*self._habits.saves)
        while not sitting.over and (lapses or (left > 0 and not enough.is_set())):
            left -= 1
            await asyncio.sleep(self._random.uniform(*self._habits.thinks))
            chance = self._random.random()
            if chance < self._habits.looks:
                await self._look(sitting)
            elif chance < self._habits.looks + self._habits.changes_device:
                await self._take_over(sitting)
            elif chance < self._habits.looks + self._habits.changes_device + self._habits.twice_at_once:
                await asyncio.gather(self._save(sitting), self._save(sitting))
            else:
                await self._save(sitting)

    async def _save(self, sitting: Sitting, device: str = "") -> None:
        """Send something new, and again what was not acknowledged; from a ``device`` that was forgotten."""
        chosen = self._random.sample(sitting.slots, self._random.randint(1, self._habits.slots_at_once))
        for slot in chosen:
            sitting.seq += 1
            sitting.waiting[slot] = Answer(slot, sitting.seq, {"text": self._text(slot, sitting.seq)})
        answers = tuple(sitting.waiting.values())
        body = {"answers": [one._asdict() for one in answers]}
        path = f"/student/attempts/{sitting.attempt}/answers"
        deed = await self._do(Did.SAVE, sitting.attempt, "PUT", path, answers, body, device=device)
        if deed.problem == CLOSED:
            sitting.over = True
        elif deed.problem == HELD_ELSEWHERE and not device:
            await self._take_over(sitting)
        elif deed.ok:
            for ack in deed.reply["acks"]:
                if ack["slot"] in sitting.waiting and sitting.waiting[ack["slot"]].seq <= ack["seq"]:
                    del sitting.waiting[ack["slot"]]

    async def _look(self, sitting: Sitting) -> None:
        await self._do(Did.READ, sitting.attempt, "GET", f"/student/attempts/{sitting.attempt}")

    async def _take_over(self, sitting: Sitting) -> None:
        """Go on with the other device."""
        before, self._device = self._device, DEVICES[1 - DEVICES.index(self._device)]
        path = f"/student/attempts/{sitting.attempt}/takeover"
        deed = await self._do(Did.TAKE_OVER, sitting.attempt, "POST", path)
        sitting.over = sitting.over or deed.problem == CLOSED
        if deed.ok and self._random.random() < self._habits.forgets_a_device:
            await self._save(sitting, before)

    async def _end(self, sitting: Sitting) -> None:
        """Submit until it is acknowledged."""
        while not sitting.over:
            if self._random.random() < self._habits.ends_together:
                both = (self._submit(sitting), self._submit(sitting))
                *deeds, _ = await asyncio.gather(*both, self._save(sitting))
                ended = any(deed.ok for deed in deeds)
            else:
                ended = (await self._submit(sitting)).ok
            if ended:
                sitting.over = True
                await self._save(sitting)  # which has to be refused
            await asyncio.sleep(AGAIN_SECONDS)

    async def _submit(self, sitting: Sitting) -> Deed:
        path = f"/student/attempts/{sitting.attempt}/submit"
        deed = await self._do(Did.SUBMIT, sitting.attempt, "POST", path)
        if deed.problem == HELD_ELSEWHERE:
            await self._take_over(sitting)
        return deed

    async def _do(
        self,
        did: Did,
        attempt: str,
        method: str,
        path: str,
        answers: tuple[Answer, ...] = (),
        body: Any = None,
        key: str = "",
        device: str = "",
    ) -> Deed:
        device = device or self._device
        deed = Deed(did, self._seat.student_id, attempt, device, time.time(), answers)
        self._history.append(deed)
        token = self._seat.tokens[device]
        sent = request(method, path, token, body, **({"Idempotency_Key": key} if key else {}))
        try:
            async with Line("127.0.0.1", self._port()) as line:
                reply = await line.ask(sent, PATIENCE)
            deed.status, shown = reply.status, reply.json()
        except (Unanswered, ValueError):
            deed.ended_at = time.time()
            await asyncio.sleep(self._random.uniform(*BACK_OFF))
            return deed
        deed.ended_at = time.time()
        if deed.status < 300:
            deed.outcome, deed.reply = Outcome.OK, shown
            deed.attempt = attempt or shown["id"]
        elif deed.status not in LATER:
            deed.outcome, deed.problem = Outcome.REFUSED, slug(shown)
        return deed

    def _text(self, slot: str, seq: int) -> str:
        """Return an answer: the right one, one that means something to MongoDB, or one like no other."""
        chance = self._random.random()
        if chance < 0.3:
            return RIGHT
        return f"{self._random.choice(DOLLARS)}{seq}" if chance < 0.5 else f"{slot} {seq} {uuid.uuid4().hex}"
