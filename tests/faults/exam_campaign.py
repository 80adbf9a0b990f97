"""One run: students sit exams through a bad network while things die; then the judge looks."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from threading import Thread
from typing import Any, Final

from pymongo.errors import PyMongoError

from tests.exam_hall import RIGHT, Hall, Seat
from tests.faults.checker import Complaint
from tests.faults.client import PatientClient
from tests.faults.evidence import Strike, Victim
from tests.faults.exam_checker import check_exam
from tests.faults.exam_history import Deed, Did, ExamEvidence, Row
from tests.faults.exam_proxy import Proxy
from tests.faults.exam_receipts import acknowledged_writes, judged
from tests.faults.exam_students import Exams, Habits, Student
from tests.faults.killer import Killer
from tests.faults.product import Product

QUESTIONS: Final = 10
EXAM: Final = "exam"
LATEST: Final = 20  # deeds among which an acknowledgement is looked for
JUST_SECONDS: Final = 0.2
CLOSING_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class ExamPlan:
    """How many students, whom to kill, and what has to be reached before they may stop.

    ``lapse`` is for how many seconds exams may be begun that nobody submits; they end with that window.
    ``closing`` is how long the last attempts may take to end. With ``amid_saves`` somebody is killed only
    when an answer has just been acknowledged.
    """

    seed: int
    order: Sequence[Victim] = ()
    students: int = 50
    seconds: float = 10.0
    writes: int = 0
    longest: float = 300.0
    closing: float = 120.0
    lapse: float = 10.0
    pause: tuple[float, float] = (0.0, 0.6)
    habits: Habits = field(default_factory=Habits)
    amid_saves: bool = False


@dataclass(slots=True)
class ExamOutcome:
    """What a run did and what is wrong with it."""

    plan: ExamPlan
    evidence: ExamEvidence
    complaints: list[Complaint]
    strikes: Sequence[Strike]
    network: Counter[str]
    starts: int
    seconds: float

    def figures(self) -> dict[str, Any]:
        """Return the figures for a report."""
        history, stored = self.evidence.history, self.evidence.stored
        return {
            "seed": self.plan.seed,
            "seconds": round(self.seconds, 1),
            "students": self.plan.students,
            "kills": dict(sorted(Counter(str(strike.victim) for strike in self.strikes).items())),
            "starts": self.starts,
            "requests": dict(sorted(Counter(f"{deed.did} {deed.outcome}" for deed in history).items())),
            "network": dict(sorted(self.network.items())),
            "acknowledged_writes": acknowledged_writes(history),
            "attempts": len(stored),
            "ended_by": dict(sorted(Counter(str(row["closed_by"]) for row in stored).items())),
            "receipts_checked": len(self.evidence.receipts),
            "complaints": len(self.complaints),
        }


@dataclass(slots=True)
class ExamCampaign:
    """Students sit in a loop of their own thread, a killer strikes from another, this one starts servers."""

    product: Product
    plan: ExamPlan
    history: list[Deed] = field(default_factory=list)
    network: Counter[str] = field(default_factory=Counter)
    failure: BaseException | None = None
    _enough: Callable[[], object] = lambda: None
    _cut: Callable[[], object] = lambda: None

    def run(self) -> ExamOutcome:
        """Return what came of it."""
        begun = time.monotonic()
        hall, seats, exams = self._prepared()
        random = Random(self.plan.seed)
        killer = Killer(self.product, self.plan.order, random, self._phase, self.plan.pause, (EXAM,))
        room = Thread(target=self._sit, args=(seats, exams), name="exam", daemon=True)
        room.start()
        killer.start()
        sitting = time.monotonic()
        self._tend_until(lambda: not room.is_alive() or self._reached(killer, sitting), self.plan.longest)
        killer.stop()
        self._enough()
        self._tend_until(lambda: not room.is_alive(), self.plan.closing)
        self._cut()
        room.join()
        self._expect_well(killer)
        self._tend_until(lambda: self._all_over(hall), self.plan.closing)
        evidence = self._evidence(hall)
        complaints = check_exam(evidence)
        seconds = time.monotonic() - begun
        starts = self.product.starts
        return ExamOutcome(self.plan, evidence, complaints, killer.strikes, self.network, starts, seconds)

    def _phase(self) -> str:
        """There is always an exam going on; whether answers are being acknowledged is another matter."""
        if not self.plan.amid_saves:
            return EXAM
        saved = [deed for deed in self.history[-LATEST:] if deed.did is Did.SAVE and deed.ok]
        return EXAM if saved and time.time() - saved[-1].ended_at < JUST_SECONDS else ""

    def _prepared(self) -> tuple[Hall, Sequence[Seat], Exams]:
        client = PatientClient(self.product.url)
        client.log_in(self.product.data_dir / "superadmin.json")
        hall = Hall.opened(client, self.product.db, self.product.data_dir)
        seats, questions = hall.seats(self.plan.students), hall.questions(QUESTIONS)
        usual = hall.test(questions, "Usual", 60, timedelta(hours=2))
        lapse = timedelta(seconds=self.plan.lapse)
        lapsing = [hall.test(questions, "Lapsing", 1, lapse)] if self.plan.lapse else []
        return hall, seats, Exams([usual], lapsing)

    def _sit(self, seats: Sequence[Seat], exams: Exams) -> None:
        with suppress(asyncio.CancelledError):  # it was cut off: attempts that have not ended say so
            try:
                asyncio.run(self._whole(seats, exams))
            except Exception as error:
                self.failure = error

    async def _whole(self, seats: Sequence[Seat], exams: Exams) -> None:
        """Hold the exam; let the loop close what was hung up before it ends itself."""
        try:
            await self._exam(seats, exams)
        finally:
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await asyncio.sleep(CLOSING_SECONDS)

    async def _exam(self, seats: Sequence[Seat], exams: Exams) -> None:
        enough, loop = asyncio.Event(), asyncio.get_running_loop()
        me = asyncio.current_task()
        assert me is not None
        self._enough = lambda: loop.call_soon_threadsafe(enough.set)
        self._cut = lambda: loop.is_closed() or loop.call_soon_threadsafe(me.cancel)
        proxy = Proxy(self.product.url, self.plan.seed)
        port = await proxy.open()
        students = [
            Student(seat, lambda: port, self.history, Random(f"{self.plan.seed} {number}"), self.plan.habits)
            for number, seat in enumerate(seats)
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for student in students:
                    group.create_task(student.sit(exams, enough))
        finally:
            await proxy.close()
            self.network = proxy.done

    def _reached(self, killer: Killer, sitting: float) -> bool:
        """Whether everybody on the list was hit, and enough was saved, for long enough."""
        if killer.is_alive() or time.monotonic() - sitting < self.plan.seconds:
            return False
        return not self.plan.writes or acknowledged_writes(list(self.history)) >= self.plan.writes

    def _tend_until(self, true: Callable[[], bool], seconds: float) -> None:
        give_up = time.monotonic() + seconds
        while not true() and time.monotonic() < give_up:
            self.product.tend()
            time.sleep(0.1)

    def _expect_well(self, killer: Killer) -> None:
        for failure in (self.failure, killer.failure):
            if failure is not None:
                raise AssertionError(self.product.words()) from failure

    def _all_over(self, hall: Hall) -> bool:
        try:
            mine = {"campus_id": hall.campus_id, "state": "active"}
            return self.product.db["attempts"].find_one(mine) is None
        except PyMongoError:
            return False

    def _evidence(self, hall: Hall) -> ExamEvidence:
        mine = {"campus_id": hall.campus_id}
        stored, results = (
            list[Row](self.product.db["attempts"].find(mine)),
            list[Row](self.product.db["test_results"].find(mine)),
        )
        right = {str(slot): {"text": RIGHT} for slot in range(1, QUESTIONS + 1)}
        evidence = ExamEvidence(self.history, stored, results, right)
        evidence.receipts = judged(evidence, self.product.data_dir)
        return evidence


def tell_exam(outcome: ExamOutcome) -> None:
    """Print the figures of a run, and what is wrong with it."""
    print(outcome.figures())
    for complaint in outcome.complaints[:20]:
        print(complaint)
