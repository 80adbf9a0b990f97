"""Any interleaving of what can be done to attempts, on a real MongoDB, against a model of forty lines."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import hypothesis
import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from config.permissions import Permission, Role
from main import Runtime
from models import Actor
from services.attempts.grant_repository import Sitters
from services.attempts.problems import (
    AttemptClosed,
    AttemptHeldElsewhere,
    AttemptsUsedUp,
    SequenceReused,
)
from services.attempts.reopen_repository import ReopenRepository
from services.attempts.schemas import AnswersPut, EventsIn
from services.exam_room.documents import ExamOrder
from services.exam_room.reopening import Reopening
from services.ports import Lease
from tests.people import place
from tests.sitting import answer, published, sitter
from utils.documents import new_id
from utils.problems import Problem
from utils.scope import Scope

STEPS: Final = 40
ALLOWED: Final = 2
SESSIONS, SLOTS, OPTIONS = st.sampled_from(["s1", "s2"]), st.sampled_from("12"), st.sampled_from("abc")
HOUR: Final = timedelta(hours=1)


@dataclass
class Model:
    """The newest attempt of one student at one test, as it has to be."""

    number: int = 0
    open: bool = False
    over: bool = False
    holder: str = ""
    by: str | None = None
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)

    def close(self, by: str) -> None:
        self.open, self.by = False, by

    def refusal(self, session: str) -> type[Problem] | None:
        if not self.open or self.over:
            return AttemptClosed
        return AttemptHeldElsewhere if session != self.holder else None

    def start(self, session: str) -> type[Problem] | None:
        if self.open and not self.over:
            return self.refusal(session)
        if self.open:
            self.close("deadline")
        if self.number == ALLOWED:
            return AttemptsUsedUp
        self.__init__(self.number + 1, open=True, holder=session)  # type: ignore[misc]
        return None

    def save(self, session: str, slot: str, seq: int, option: str) -> type[Problem] | None:
        if refused := self.refusal(session):
            return refused
        newest = self.answers.get(slot, (-1, ""))
        if seq > newest[0]:
            self.answers[slot] = (seq, option)
        return SequenceReused if seq == newest[0] and option != newest[1] else None

    def submit(self, session: str) -> type[Problem] | None:
        refused = self.refusal(session)
        if self.open and refused is not AttemptHeldElsewhere:
            self.close("deadline" if refused else "student")
        return refused if refused is AttemptHeldElsewhere else None


class Sitting(RuleBasedStateMachine):
    """What two sessions of a student, the clock, the exam room and the sweeper do."""

    def __init__(self, runtime: Runtime, db: Any, actor: Actor, campus_id: str) -> None:
        super().__init__()
        self._services, self._db, self._actor = runtime.services, db, actor
        store, scoring = runtime.store, runtime.services.attempt_closing._scoring
        self._reopening = Reopening(ReopenRepository(store), scoring, store, runtime.services.audit)
        self._test = published(db, campus_id, ("single", "single"), attempts_allowed=ALLOWED)
        self._id, self._replies = "", dict[str, Any]()
        self.model = Model()

    @rule(session=SESSIONS)
    def start(self, session: str) -> None:
        reply = self._agree(
            self.model.start(session),
            lambda: self._services.attempt_starts.start(self._test, self._as(session)),
        )
        if reply is not None:
            self._id = reply.id
            assert reply.number == self.model.number

    @precondition(lambda self: self._id)
    @rule(session=SESSIONS, slot=SLOTS, seq=st.integers(0, 6), option=OPTIONS)
    def save(self, session: str, slot: str, seq: int, option: str) -> None:
        body = AnswersPut.model_validate({"answers": [answer(slot, seq, option=option)]})
        reply = self._agree(
            self.model.save(session, slot, seq, option),
            lambda: self._services.answers.save(self._id, body, self._as(session)),
        )
        if reply is not None:
            assert [(one.slot, one.seq) for one in reply.acks] == [(slot, self.model.answers[slot][0])]

    @precondition(lambda self: self._id)
    @rule(session=SESSIONS)
    def submit(self, session: str) -> None:
        reply = self._agree(
            self.model.submit(session),
            lambda: self._services.attempt_closing.submit(self._id, self._as(session)),
        )
        if reply is not None:
            assert self._replies.setdefault(self._id, reply) == reply

    @precondition(lambda self: self._id)
    @rule(session=SESSIONS)
    def take_over(self, session: str) -> None:
        refused = self.model.refusal(session)
        expected = None if refused is AttemptHeldElsewhere else refused
        self._agree(expected, lambda: self._services.attempts.take_over(self._id, self._as(session)))
        if expected is None:
            self.model.holder = session

    @precondition(lambda self: self._id)
    @rule(session=SESSIONS)
    def report(self, session: str) -> None:
        told = EventsIn.model_validate({"events": [{"kind": "paste"}]})
        self._agree(
            self.model.refusal(session),
            lambda: self._services.answers.report(self._id, told, self._as(session)),
        )

    @precondition(lambda self: self.model.open)
    @rule(over=st.booleans())
    def the_time_is_over_or_more_is_granted(self, over: bool) -> None:
        at = datetime.now(UTC) + (-HOUR if over else HOUR)
        self._db.attempts.update_one({"_id": self._id}, {"$set": {"deadline_at": at}})
        self.model.over = over

    @rule()
    def sweep(self) -> None:
        self._services.attempt_closing.tick()
        if self.model.open and self.model.over:
            self.model.close("deadline")

    @precondition(lambda self: self._id and not self.model.open)
    @rule(silent=st.booleans())
    def lost_time_is_given_back(self, silent: bool) -> None:
        row = self._db.attempts.find_one({"_id": self._id})
        if silent:
            seen = {"last_seen_at": row["deadline_at"] - HOUR}
            self._db.attempts.update_one({"_id": self._id}, {"$set": seen})
        order = {"id": new_id(), "campus_id": row["campus_id"], "test_id": self._test}
        at = datetime.now(UTC) + HOUR
        more = {"kind": "compensate", "reason": "A power cut", "ordered_by": new_id(), "at": at}
        scope, lease = Scope.campus(row["campus_id"]), Lease("order", 1, {}, 1, lambda: True)
        assert self._reopening.run(scope, ExamOrder(**order, **more), Sitters(self._test), lease)
        if silent and self.model.by == "deadline":
            self.model.open, self.model.over, self.model.by = True, False, None
            self._replies.pop(self._id, None)

    @rule()
    def another_process_goes_on(self) -> None:
        memory = self._services.answers._ground.memory
        memory.attempts.clear()
        memory.sheets.clear()

    @invariant()
    def what_is_stored_is_the_model(self) -> None:
        rows = list(self._db.attempts.find({"test_id": self._test}).sort("number", 1))
        assert len(rows) == self.model.number
        if not rows:
            return
        row, model = rows[-1], self.model
        kept = {slot: (one["seq"], one["response"]["option"]) for slot, one in row["answers"].items()}
        assert (row["_id"], row["state"] == "active", row["closed_by"]) == (
            self._id or row["_id"],
            model.open,
            model.by,
        )
        assert (row["session_id"], kept) == (model.holder, model.answers)
        scored = {one["_id"]: one for one in self._db.test_results.find({"test_id": self._test})}
        assert scored.keys() == {one["_id"] for one in rows if one["state"] == "submitted"}
        for one in rows:
            if one["_id"] in scored:
                assert scored[one["_id"]]["submitted_at"] == one["submitted_at"]

    def _as(self, session: str) -> Actor:
        return replace(self._actor, session_id=session)

    def _agree(self, expected: type[Problem] | None, act: Any) -> Any:
        """Return what was replied; None for the problem that was expected."""
        reply, found = None, None
        try:
            reply = act()
        except Problem as problem:
            found = problem
        assert (type(found) if found else None) is expected, (found, reply)
        return reply


def run(app: Flask, db: Any, runtime: Runtime, patch: pytest.MonkeyPatch, examples: int) -> None:
    [loop] = [one for one in runtime.supervisor._loops if one.name == "sweep-attempts"]
    patch.setattr(loop, "tick", lambda: None)
    north = place(db, "North")
    asha = sitter(app, north, "21CS001")
    actor = Actor(
        id=asha.id,
        role=Role.STUDENT,
        name="Asha",
        username=asha.username,
        campus_id=north.id,
        permissions=frozenset({Permission.ATTEMPT_TAKE}),
    )
    tried = hypothesis.settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    machine: Any = lambda: Sitting(runtime, db, actor, north.id)  # noqa: E731 -- a factory does as well
    run_state_machine_as_test(machine, settings=tried)


def test_whatever_is_done_in_whatever_order_is_what_the_model_says(
    app: Flask, db: Any, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(app, db, runtime, monkeypatch, 8)


@pytest.mark.nemesis
@pytest.mark.timeout(7200)
def test_fifty_thousand_steps_are_what_the_model_says(
    app: Flask, db: Any, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(app, db, runtime, monkeypatch, 50_000 // STEPS)
