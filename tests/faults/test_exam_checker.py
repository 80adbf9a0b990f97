"""The judge of exams is judged: it passes a clean history and catches every fault that is sown into one."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.faults.exam_checker import CLOSED, EXAM_RULES, check_exam
from tests.faults.exam_history import Answer, Deed, Did, ExamEvidence, Outcome, Row

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
BEGUN: Final = START.timestamp()
DEADLINE: Final = START + timedelta(seconds=60)
PAPER: Final = {"sections": [{"title": "One", "slots": [{"slot": "1"}, {"slot": "2"}]}]}
OTHER_PAPER: Final = {"sections": [{"title": "One", "slots": [{"slot": "2"}, {"slot": "1"}]}]}


def deed(did: Did, at: float, *answers: Answer, **more: Any) -> Deed:
    made = Deed(did, "asha", "a1", "laptop", BEGUN + at, answers, BEGUN + at + 0.1, Outcome.OK, 200)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def answer(slot: str, seq: int, text: str = "") -> Answer:
    return Answer(slot, seq, {"text": text or f"{slot} {seq}"})


def save(at: float, *answers: Answer, **more: Any) -> Deed:
    acks = [{"slot": one.slot, "seq": one.seq} for one in answers]
    return deed(Did.SAVE, at, *answers, **({"reply": {"acks": acks, "receipt": f"r{at}"}} | more))


def saved(*answers: Answer) -> list[dict[str, Any]]:
    return [{"slot": one.slot, "seq": one.seq, "response": one.response} for one in answers]


def shown(*answers: Answer) -> dict[str, Any]:
    return {"paper": PAPER, "started_at": "2026-01-01T00:00:00Z", "saved": saved(*answers)}


def stored(number: int = 1, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "_id": f"a{number}",
        "student_id": "asha",
        "test_id": "t1",
        "number": number,
        "state": "submitted",
        "started_at": START,
        "deadline_at": DEADLINE,
        "submitted_at": START + timedelta(seconds=20.05),
        "closed_by": "student",
        "answers": {},
    }
    return row | more


def kept(seq: int, text: str, at: float) -> dict[str, Any]:
    return {"seq": seq, "response": {"text": text}, "at": START + timedelta(seconds=at)}


END: Final = {"state": "submitted", "submitted_at": "2026-01-01T00:00:20.050Z", "receipt": "end"}
LATE: Final = stored(
    2,
    student_id="ravi",
    closed_by="deadline",
    submitted_at=START + timedelta(seconds=66),
    answers={"1": kept(1, "right", 61)},
)


def clean() -> ExamEvidence:
    """One student who saved, lost an answer's answer, came back, changed devices and submitted twice; and
    one whom the deadline ended."""
    history = [
        deed(Did.START, 0, reply=shown(), status=201),
        save(1, answer("1", 1), answer("2", 2)),
        save(2, answer("1", 3), outcome=Outcome.UNKNOWN, status=0, reply={}),
        save(3, answer("1", 3)),
        deed(Did.READ, 4, reply=shown(answer("1", 3), answer("2", 2))),
        deed(Did.TAKE_OVER, 5, client="phone"),
        save(
            6, answer("2", 4), outcome=Outcome.REFUSED, status=409, problem="attempt-held-elsewhere", reply={}
        ),
        save(7, answer("2", 5, "right"), client="phone"),
        deed(Did.SUBMIT, 20, reply=END),
        deed(Did.SUBMIT, 21, reply=END),
        save(22, answer("1", 6), outcome=Outcome.REFUSED, status=409, problem=CLOSED, reply={}),
        deed(Did.START, 0, student="ravi", attempt="a2", reply=shown()),
        save(61, answer("1", 1, "right"), student="ravi", attempt="a2"),
    ]
    own = stored(answers={"1": kept(3, "1 3", 2.02), "2": kept(5, "right", 7.05)})
    results: list[Row] = [{"_id": "a1", "score": "1.00"}, {"_id": "a2", "score": "0"}]
    right = {"2": {"text": "right"}}
    return ExamEvidence(history, [own, deepcopy(LATE)], results, right, [(history[1], True)])


def found(evidence: ExamEvidence) -> set[str]:
    return {complaint.rule for complaint in check_exam(evidence)}


def test_a_clean_history_has_no_fault() -> None:
    assert check_exam(clean()) == []


def lose(run: ExamEvidence) -> None:
    del run.stored[0]["answers"]["1"]


def keep(slot: str, seq: int, text: str, at: float = 2.02) -> Callable[[ExamEvidence], None]:
    return lambda run: run.stored[0]["answers"].update({slot: kept(seq, text, at)})


def add(*deeds: Deed) -> Callable[[ExamEvidence], None]:
    return lambda run: run.history.extend(deeds)


def alter(number: int, **more: Any) -> Callable[[ExamEvidence], None]:
    return lambda run: run.stored[number].update(more)  # type: ignore[attr-defined]


def again(**more: Any) -> Callable[[ExamEvidence], None]:
    return lambda run: run.stored.append(stored(3) | more)


def result(**more: Any) -> Callable[[ExamEvidence], None]:
    return lambda run: run.results.append(more)


def scored(score: str) -> Callable[[ExamEvidence], None]:
    return lambda run: run.results[0].update(score=score)  # type: ignore[attr-defined]


def doubt(run: ExamEvidence) -> None:
    run.receipts = [(run.history[1], False)]


SOWN: Final = {
    "lost": (lose, "no_acknowledged_answer_is_lost"),
    "overwritten by an older one": (keep("1", 1, "1 1"), "no_acknowledged_answer_is_lost"),
    "another value": (keep("1", 3, "1 4"), "nothing_is_stored_that_nobody_sent"),
    "another slot": (keep("1", 5, "right"), "nothing_is_stored_that_nobody_sent"),
    "a number that nobody sent": (keep("1", 9, "1 3"), "nothing_is_stored_that_nobody_sent"),
    "shown, not sent": (
        add(deed(Did.READ, 8, reply=shown(answer("1", 3, "$$ROOT"), answer("2", 5, "right")))),
        "nothing_is_shown_that_nobody_sent",
    ),
    "a number acknowledged that nobody sent": (
        add(save(8, answer("1", 3), reply={"acks": [{"slot": "1", "seq": 8}]})),
        "nothing_is_shown_that_nobody_sent",
    ),
    "an answer without its acknowledgement": (
        add(save(8, answer("1", 3), client="phone", reply={"acks": []})),
        "every_answer_is_acknowledged_for_itself",
    ),
    "an older one acknowledged": (
        add(save(8, answer("1", 3), client="phone", reply={"acks": [{"slot": "1", "seq": 1}]})),
        "every_answer_is_acknowledged_for_itself",
    ),
    "seen and gone": (
        add(deed(Did.READ, 9, reply=shown(answer("1", 3)))),
        "what_was_seen_is_never_unseen",
    ),
    "stored late": (keep("1", 3, "1 3", 65.1), "nothing_is_accepted_after_the_deadline"),
    "accepted late": (
        add(save(65.5, answer("1", 2), student="ravi", attempt="a2")),
        "nothing_is_accepted_after_the_deadline",
    ),
    "stored after the end": (keep("1", 3, "1 3", 20.06), "nothing_is_accepted_after_the_end"),
    "accepted after the end": (
        add(save(20.2, answer("1", 3), client="phone")),
        "nothing_is_accepted_after_the_end",
    ),
    "ended twice": (
        add(deed(Did.SUBMIT, 22, reply=END | {"submitted_at": "2026-01-01T00:00:22Z"})),
        "one_submit_wins",
    ),
    "an end that did not last": (alter(0, state="active"), "one_submit_wins"),
    "no result": (lambda run: run.results.pop(), "one_submit_wins"),
    "two results": (result(_id="a1", score="1"), "one_submit_wins"),
    "a result of nobody": (result(_id="a9", score="1"), "one_submit_wins"),
    "scored from older answers": (scored("0"), "every_result_is_of_what_is_stored"),
    "begun twice": (
        again(started_at=START + timedelta(seconds=1), answers={}),
        "an_attempt_is_begun_once",
    ),
    "one number twice": (
        again(started_at=START + timedelta(seconds=30), number=1),
        "an_attempt_is_begun_once",
    ),
    "another paper": (
        add(deed(Did.READ, 8, reply=shown(answer("1", 3), answer("2", 5, "right")) | {"paper": OTHER_PAPER})),
        "an_attempt_always_shows_the_same_paper",
    ),
    "an attempt that is not there": (
        add(deed(Did.START, 8, attempt="a8", reply=shown())),
        "an_attempt_always_shows_the_same_paper",
    ),
    "never ended": (
        alter(1, state="active", submitted_at=None, closed_by=None),
        "every_attempt_ends_and_not_before_its_time",
    ),
    "ended before its deadline": (
        alter(1, submitted_at=START + timedelta(seconds=59)),
        "every_attempt_ends_and_not_before_its_time",
    ),
    "ended by one who did not ask": (
        alter(1, closed_by="student"),
        "every_attempt_ends_and_not_before_its_time",
    ),
    "told too early that it is over": (
        add(save(19, answer("1", 3), outcome=Outcome.REFUSED, status=409, problem=CLOSED, reply={})),
        "no_refusal_is_untrue",
    ),
    "refused for no reason": (
        add(save(8, answer("1", 3), outcome=Outcome.REFUSED, status=422, problem="invalid", reply={})),
        "no_refusal_is_untrue",
    ),
    "broken": (
        add(save(8, answer("1", 3), outcome=Outcome.UNKNOWN, status=500, reply={})),
        "no_refusal_is_untrue",
    ),
    "saved by who lost it": (
        add(save(8, answer("1", 3))),
        "whoever_lost_the_attempt_saves_nothing",
    ),
    "a receipt that proves nothing": (doubt, "every_receipt_holds"),
}


@pytest.mark.parametrize("name", SOWN)
def test_every_fault_that_is_sown_is_caught_by_its_rule(name: str) -> None:
    sow, rule = SOWN[name]
    run = clean()
    sow(run)

    assert rule in found(run)


def test_every_rule_catches_something() -> None:
    assert {rule for _, rule in SOWN.values()} == {rule.__name__ for rule in EXAM_RULES}


def test_what_may_have_happened_is_not_held_against_anybody() -> None:
    run = clean()

    # A takeover whose answer was lost may have happened, and so may a save
    run.history += [
        deed(Did.TAKE_OVER, 8, outcome=Outcome.UNKNOWN, status=0),
        save(9, answer("1", 3)),
        save(10, answer("2", 7), outcome=Outcome.UNKNOWN, status=503, reply={}),
    ]
    run.stored[0]["answers"]["2"] = kept(7, "2 7", 10.3)
    run.results[0]["score"] = "0"  # type: ignore[index]

    assert check_exam(run) == []
