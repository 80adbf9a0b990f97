"""From what was saved to the score of an attempt. Pure: no clock, no chance, no database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from services.assessments.documents import Assessment, PinnedSlot
from services.questions.content import AnyContent, QuestionSet
from services.questions.responses import children_of, readable
from services.questions.scoring.marks import total
from services.questions.scoring.score import Score, Terms, most, score
from services.results.documents import (
    AttemptResult,
    ChildScore,
    Earned,
    ItemScore,
    MarkingTask,
    ResultState,
    task_id,
)
from utils.decimals import ONE, ZERO

EarnedT = TypeVar("EarnedT", bound=Earned)
GONE: Final = "gone"  # the rule of a question that is not there any more: a person has to look


@dataclass(frozen=True, slots=True)
class Sitting:
    """A submitted attempt as scoring sees it: the newest answer to each slot, as it was sent."""

    attempt_id: str
    batch_id: str
    student_id: str
    number: int
    submitted_at: datetime
    responses: Mapping[str, Mapping[str, Any]]

    def to(self, slot: str) -> Mapping[str, Any]:
        """Return what was answered to a slot, nothing where nothing was."""
        found = self.responses.get(slot)
        return found if isinstance(found, Mapping) else {}


def result_of(test: Assessment, contents: Mapping[str, AnyContent], sitting: Sitting) -> AttemptResult:
    """Return what an attempt earns. An answer that cannot be read as one is blank; nothing raises.

    ``contents`` are what the authors wrote, by the ids of the versions that the test pins.
    """
    terms = Terms(test.scoring.negative, test.scoring.decimal_comma)
    items = tuple(
        _item(slot, contents.get(slot.version_id), sitting.to(slot.slot), terms) for slot in slots_of(test)
    )
    return AttemptResult(
        id=sitting.attempt_id,
        campus_id=test.campus_id,
        course_ids=test.course_ids,
        batch_id=sitting.batch_id,
        test_id=test.id,
        student_id=sitting.student_id,
        number=sitting.number,
        kind=test.kind,
        module=test.module,
        topic=test.topic,
        level=test.level,
        items=items,
        max_score=sum((item.max_mark for item in items), ZERO),
        floor=test.scoring.floor,
        feedback=test.feedback,
        submitted_at=sitting.submitted_at,
        **summed(items, test.scoring.floor),
    )


def slots_of(test: Assessment) -> Iterator[PinnedSlot]:
    """Yield what a published test asks, in the author's order."""
    for section in test.blueprint:
        yield from section.slots


def summed(items: Sequence[ItemScore], floor: Decimal | None) -> dict[str, Any]:
    """Return state and score that follow from the items."""
    marks = [item.mark for item in items]
    if any(mark is None for mark in marks):
        return {"state": ResultState.AWAITING, "score": None}
    score = total([mark for mark in marks if mark is not None], floor)
    return {"state": ResultState.SCORED, "score": score}


def tasks_of(
    test: Assessment, contents: Mapping[str, AnyContent], sitting: Sitting, result: AttemptResult
) -> list[MarkingTask]:
    """Return what has to be marked before a result is whole."""
    slots = {slot.slot: slot for slot in slots_of(test)}
    return [
        MarkingTask(
            id=task_id(sitting.attempt_id, item.slot, child),
            campus_id=test.campus_id,
            course_ids=test.course_ids,
            batch_id=sitting.batch_id,
            test_id=test.id,
            student_id=sitting.student_id,
            attempt_id=sitting.attempt_id,
            slot=item.slot,
            child=child,
            version_id=item.version_id,
            type=content.type if content else slots[item.slot].type,
            response=dict(response),
            created_at=sitting.submitted_at,
        )
        for item in result.items
        if item.mark is None
        for child, content, response in _awaiting(item, contents.get(item.version_id), sitting.to(item.slot))
    ]


def with_fraction(result: AttemptResult, slot: str, child: str | None, fraction: Decimal) -> AttemptResult:
    """Return a result in which a slot, or a child of the set in it, has earned this fraction of its mark."""
    items = tuple(_marked(item, child, fraction) if item.slot == slot else item for item in result.items)
    return result.model_copy(update={"items": items, **summed(items, result.floor)})


def _item(slot: PinnedSlot, content: AnyContent | None, given: Mapping[str, Any], terms: Terms) -> ItemScore:
    named = {"slot": slot.slot, "question_id": slot.question_id, "version_id": slot.version_id}
    if content is None:
        lost = _earned(Score(GONE, not given, None if given else ZERO, None), slot.mark, ONE)
        return ItemScore(**named, **lost)
    found = score(content, readable(content, given), terms)
    children = children_of(content) if isinstance(content, QuestionSet) else {}
    return ItemScore(
        **named,
        **_earned(found, slot.mark, most(content)),
        children=tuple(
            ChildScore(name=name, **_earned(found.children[name], child.mark, most(child)))
            for name, child in children.items()
        ),
    )


def _earned(found: Score, mark: Decimal, times: Decimal) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "blank": found.blank,
        "fraction": found.fraction,
        "mark": None if found.fraction is None else found.fraction * mark,
        "worth": mark,
        "max_mark": mark * times,
    }


def _awaiting(
    item: ItemScore, content: AnyContent | None, given: Mapping[str, Any]
) -> Iterator[tuple[str | None, AnyContent | None, Mapping[str, Any]]]:
    """Yield each answer that has no mark: the child's name, its content, and what was answered."""
    if not isinstance(content, QuestionSet):
        yield None, content, given
        return
    children = children_of(content)
    for child in item.children:
        if child.mark is None:
            yield child.name, children[child.name], given["children"][child.name]


def _marked(item: ItemScore, child: str | None, fraction: Decimal) -> ItemScore:
    if child is None:
        return _at(item, fraction)
    children = tuple(_at(one, fraction) if one.name == child else one for one in item.children)
    item = item.model_copy(update={"children": children})
    marks = [one.mark for one in children]
    if any(mark is None for mark in marks):
        return item
    earned = sum((mark for mark in marks if mark is not None), ZERO)
    return _at(item, earned / sum((one.worth for one in children), ZERO))


def _at(one: EarnedT, fraction: Decimal) -> EarnedT:
    return one.model_copy(update={"fraction": fraction, "mark": fraction * one.worth})
