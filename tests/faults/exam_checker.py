"""The judge of exams: what is wrong with a history, given what is stored when all is over."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from tests.faults import exam_facts as facts
from tests.faults.checker import Complaint
from tests.faults.exam_facts import NEVER, canonical, seconds
from tests.faults.exam_history import Deed, Did, ExamEvidence, Outcome

ROUNDING: Final = 0.002  # MongoDB counts milliseconds
CLOSED: Final = "attempt-closed"
FORESEEN: Final = frozenset({CLOSED, "attempt-held-elsewhere", "window-not-open"})
LATER: Final = (502, 503)


def check_exam(evidence: ExamEvidence) -> list[Complaint]:
    """Return all that is wrong; nothing when no answer was lost, invented or late."""
    return [Complaint(rule.__name__, text) for rule in EXAM_RULES for text in rule(evidence)]


def no_acknowledged_answer_is_lost(evidence: ExamEvidence) -> Iterator[str]:
    """What was acknowledged is stored, or something newer for the same slot."""
    kept = facts.kept(evidence)
    for place, seq in facts.acknowledged(evidence.history).items():
        if kept.get(place, (0, None))[0] < seq:
            yield f"{place}: {seq} was acknowledged, {kept.get(place, 'nothing')} is stored"


def nothing_is_stored_that_nobody_sent(evidence: ExamEvidence) -> Iterator[str]:
    """Every stored answer is one that its student sent, for this slot, with this number."""
    sent = facts.sent(evidence)
    for place, (seq, response) in facts.kept(evidence).items():
        if sent.get((*place, seq), NEVER) != response:
            yield f"{place}: {seq} {response!r} is stored; sent was {sent.get((*place, seq))!r}"


def nothing_is_shown_that_nobody_sent(evidence: ExamEvidence) -> Iterator[str]:
    """Nor does a reply show an answer, or acknowledge a number, that nobody had sent."""
    sent = facts.sent(evidence)
    for deed in evidence.history:
        for saved in deed.reply.get("saved", ()) if deed.ok else ():
            key = (deed.attempt, saved["slot"], saved["seq"])
            if sent.get(key, NEVER) != saved["response"]:
                yield f"{deed} showed {saved}"
        for ack in deed.reply.get("acks", ()) if deed.ok else ():
            if (deed.attempt, ack["slot"], ack["seq"]) not in sent:
                yield f"{deed} acknowledged {ack}"


def every_answer_is_acknowledged_for_itself(evidence: ExamEvidence) -> Iterator[str]:
    """A save that was accepted names every slot that it sent, once, with its number or a newer one."""
    for deed in evidence.history:
        if deed.did is not Did.SAVE or not deed.ok:
            continue
        acks = {ack["slot"]: ack["seq"] for ack in deed.reply["acks"]}
        highest = {one.slot: max(a.seq for a in deed.answers if a.slot == one.slot) for one in deed.answers}
        if len(acks) != len(deed.reply["acks"]) or acks.keys() != highest.keys():
            yield f"{deed} acknowledged {acks}"
        elif any(acks[slot] < seq for slot, seq in highest.items()):
            yield f"{deed} acknowledged only {acks}"


def what_was_seen_is_never_unseen(evidence: ExamEvidence) -> Iterator[str]:
    """Whoever looks after an answer was acknowledged or shown sees it, or a newer one."""
    known = facts.known(evidence.history)
    for deed in evidence.history:
        if not deed.ok or "saved" not in deed.reply:
            continue
        shown = {saved["slot"]: saved["seq"] for saved in deed.reply["saved"]}
        for slot, (times, seqs) in known.get(deed.attempt, {}).items():
            before = bisect_left(times, deed.invoked_at)
            if before and seqs[before - 1] > shown.get(slot, 0):
                yield f"{deed} showed {shown.get(slot)} of slot {slot} after {seqs[before - 1]}"


def nothing_is_accepted_after_the_deadline(evidence: ExamEvidence) -> Iterator[str]:
    """By MongoDB's clock in what is stored, and by the client's in what was begun too late."""
    deeds = facts.by_attempt(evidence.history)
    for row in evidence.stored:
        latest = seconds(row["deadline_at"]) + evidence.grace
        for slot, saved in row["answers"].items():
            if (at := seconds(saved["at"])) > latest + ROUNDING:
                yield f"{row['_id']} slot {slot}: {saved['seq']} was stored {at - latest:.3f} s too late"
        for deed in deeds.get(str(row["_id"]), ()):
            if deed.did is Did.SAVE and deed.ok and deed.invoked_at > latest + ROUNDING:
                yield f"{deed} was accepted though begun {deed.invoked_at - latest:.3f} s too late"


def nothing_is_accepted_after_the_end(evidence: ExamEvidence) -> Iterator[str]:
    """Neither stored nor acknowledged once the attempt was submitted."""
    deeds = facts.by_attempt(evidence.history)
    for row in evidence.stored:
        for slot, saved in row["answers"].items():
            if row["submitted_at"] and saved["at"] > row["submitted_at"]:
                yield f"{row['_id']} slot {slot}: {saved['seq']} was stored after the end"
        own = deeds.get(str(row["_id"]), ())
        over = min((one.ended_at for one in own if one.did is Did.SUBMIT and one.ok), default=None)
        for deed in own:
            if over is not None and deed.did is Did.SAVE and deed.ok and deed.invoked_at > over:
                yield f"{deed} was accepted {deed.invoked_at - over:.3f} s after the end"


def one_submit_wins(evidence: ExamEvidence) -> Iterator[str]:
    """However often it is asked for, an attempt ends once: one time, one receipt, one result."""
    results = Counter(str(row["_id"]) for row in evidence.results)
    deeds = facts.by_attempt(evidence.history)
    for row in evidence.stored:
        attempt = str(row["_id"])
        ends = [deed for deed in deeds.get(attempt, ()) if deed.did is Did.SUBMIT and deed.ok]
        if len({canonical([one.reply.get("submitted_at"), one.reply.get("receipt")]) for one in ends}) > 1:
            yield f"{attempt} was ended more than once: {[one.reply for one in ends]}"
        if ends and row["state"] != "submitted":
            yield f"{attempt} is {row['state']}, though its end was acknowledged"
        if results.pop(attempt, 0) != (row["state"] == "submitted"):
            yield f"{attempt} is {row['state']} and has not just one result"
    for attempt in results:
        yield f"{attempt} has a result and is no attempt"


def every_result_is_of_what_is_stored(evidence: ExamEvidence) -> Iterator[str]:
    """The score is the one of the answers that are stored now: nothing came in between."""
    rows = {str(row["_id"]): row["answers"] for row in evidence.stored}
    for result in evidence.results if evidence.right else ():
        answers = rows.get(str(result["_id"]), {})
        right = sum(answers.get(slot, {}).get("response") == one for slot, one in evidence.right.items())
        if Decimal(str(result["score"])) != right:
            yield f"{result['_id']} has {right} right answers and the score {result['score']}"


def an_attempt_is_begun_once(evidence: ExamEvidence) -> Iterator[str]:
    """A student has one attempt at a test at a time, whose number no other has."""
    for student, own in facts.by(evidence.stored, "test_id", "student_id").items():
        ordered = sorted(own, key=lambda row: row["started_at"])
        for before, after in pairwise(ordered):
            end = before["submitted_at"]
            if before["number"] >= after["number"] or end is None or end > after["started_at"]:
                yield f"{student} has attempts {before['_id']} and {after['_id']} at the same time"


def an_attempt_always_shows_the_same_paper(evidence: ExamEvidence) -> Iterator[str]:
    """Every reply about an attempt shows one that is stored, with one paper and one start."""
    ids = {str(row["_id"]) for row in evidence.stored}
    for attempt, deeds in facts.by_attempt(evidence.history).items():
        shown = [deed.reply for deed in deeds if deed.ok and "paper" in deed.reply]
        if shown and attempt not in ids:
            yield f"{deeds[0]} showed {attempt}, which is not stored"
        papers = {
            canonical(one["paper"]) for one in shown if one["paper"]["sections"]
        }  # none when it is over
        if len(papers) > 1 or len({one["started_at"] for one in shown}) > 1:
            yield f"{attempt} was shown with more than one paper or start"


def every_attempt_ends_and_not_before_its_time(evidence: ExamEvidence) -> Iterator[str]:
    """Whoever did not end it is ended by the deadline, not earlier."""
    deeds = facts.by_attempt(evidence.history)
    for row in evidence.stored:
        asked = any(deed.did is Did.SUBMIT for deed in deeds.get(str(row["_id"]), ()))
        if row["state"] != "submitted" or row["submitted_at"] is None:
            yield f"{row['_id']} is still {row['state']}"
        elif row["closed_by"] == "deadline" and row["submitted_at"] < row["deadline_at"]:
            yield f"{row['_id']} was ended by its deadline before it, at {row['submitted_at']}"
        elif row["closed_by"] == "student" and not asked:
            yield f"{row['_id']} was ended by its student, who never asked for it"


def no_refusal_is_untrue(evidence: ExamEvidence) -> Iterator[str]:
    """Who was told that it is over was told so after the end, and nobody was told what nobody foresaw."""
    rows = {str(row["_id"]): row for row in evidence.stored}
    for deed in evidence.history:
        if deed.outcome is Outcome.REFUSED and deed.problem not in FORESEEN:
            yield f"{deed} was refused"
        elif deed.status >= 500 and deed.status not in LATER:
            yield f"{deed} found the server broken"
        row = rows.get(deed.attempt)
        if row is None or deed.problem != CLOSED or row["submitted_at"] is None:
            continue
        if deed.ended_at < min(seconds(row["submitted_at"]), seconds(row["deadline_at"])) - ROUNDING:
            yield f"{deed} was told that it is over, before it was"


def whoever_lost_the_attempt_saves_nothing(evidence: ExamEvidence) -> Iterator[str]:
    """After a takeover only the device that took it can save, until another one may have taken it again."""
    for deeds in facts.by_attempt(evidence.history).values():
        taken = [deed for deed in deeds if deed.did is Did.TAKE_OVER and deed.outcome is not Outcome.REFUSED]
        for deed in deeds:
            holder = _holder(taken, deed)
            if deed.did is Did.SAVE and deed.ok and holder and holder.client != deed.client:
                yield f"{deed} was accepted after {holder}"


def _holder(taken: Sequence[Deed], deed: Deed) -> Deed | None:
    """Return the takeover that certainly was the last before a deed; None where it is not certain."""
    before = [one for one in taken if one.ok and one.ended_at < deed.invoked_at]
    last = max(before, key=lambda one: one.invoked_at, default=None)
    if last is None:
        return None
    others = (one for one in taken if one.client != last.client and one.invoked_at < deed.ended_at)
    in_doubt = any(not one.ok or one.ended_at > last.invoked_at for one in others)
    return None if in_doubt else last


def every_receipt_holds(evidence: ExamEvidence) -> Iterator[str]:
    """What came with an acknowledgement proves it, to whoever asks the server later."""
    for deed, holds in evidence.receipts:
        if not holds:
            yield f"{deed} came with a receipt that does not hold: {deed.reply.get('receipt')}"


Rule = Callable[[ExamEvidence], Iterator[str]]
EXAM_RULES: Final[Sequence[Rule]] = (
    no_acknowledged_answer_is_lost,
    nothing_is_stored_that_nobody_sent,
    nothing_is_shown_that_nobody_sent,
    every_answer_is_acknowledged_for_itself,
    what_was_seen_is_never_unseen,
    nothing_is_accepted_after_the_deadline,
    nothing_is_accepted_after_the_end,
    one_submit_wins,
    every_result_is_of_what_is_stored,
    an_attempt_is_begun_once,
    an_attempt_always_shows_the_same_paper,
    every_attempt_ends_and_not_before_its_time,
    no_refusal_is_untrue,
    whoever_lost_the_attempt_saves_nothing,
    every_receipt_holds,
)
