"""From what an author planned to what a test asks: pools are resolved, versions pinned, the paper written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bson import Decimal128

from services.assessments.checking import slots_of
from services.assessments.documents import Assessment, PinnedSection, PinnedSlot, Pool
from services.assessments.problems import AssessmentNotReady
from services.questions.documents import Question, QuestionStatus, QuestionVersion, version_id
from services.questions.repository import QuestionRepository
from services.questions.selection import QuestionSelection
from utils.decimals import from_stored, plain
from utils.scope import Scope


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a test asks, and what students see of it. ``questions`` are used once more."""

    sections: tuple[PinnedSection, ...]
    paper: tuple[dict[str, Any], ...]
    questions: tuple[Question, ...]


@dataclass(slots=True)
class _Draw:
    """Questions taken so far, by where they stand, and what was wrong."""

    taken: dict[str, list[Question]] = field(default_factory=dict)
    faces: dict[str, str] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def take(self, pointer: str, question: Question) -> None:
        self.taken.setdefault(pointer, []).append(question)
        self.faces[question.face] = pointer


class Blueprints:
    """Makes blueprints. Every student of a test gets the same questions, so that results compare."""

    def __init__(self, questions: QuestionRepository, selection: QuestionSelection) -> None:
        self._questions, self._selection = questions, selection

    def of(self, test: Assessment) -> Blueprint:
        """Return the blueprint of a test; raise AssessmentNotReady where there is none."""
        draw = _Draw()
        if not test.sections:
            draw.faults.append(("/sections", "holds no question"))
        for number, section in enumerate(test.sections):
            if not section.slots:
                draw.faults.append((f"/sections/{number}", "holds no question"))
        self._take_fixed(test, draw)
        self._take_pools(test, draw)
        if draw.faults:
            raise AssessmentNotReady.of(draw.faults)
        return self._pinned(test, draw)

    def _take_fixed(self, test: Assessment, draw: _Draw) -> None:
        fixed = [(f"/{at}", slot.question_id) for at, slot in slots_of(test.sections) if slot.question_id]
        found = self._questions.find_many(Scope.campus(test.campus_id), [one for _, one in fixed])
        for pointer, question_id in fixed:
            question = found.get(question_id)
            if question is None:
                draw.faults.append((pointer, "the question was removed"))
            elif question.status is not QuestionStatus.LIVE:
                draw.faults.append((pointer, f"the question is {question.status}"))
            elif question.face in draw.faces:
                draw.faults.append((pointer, f"looks like the question of {draw.faces[question.face]}"))
            else:
                draw.take(pointer, question)

    def _take_pools(self, test: Assessment, draw: _Draw) -> None:
        pools = [(f"/{at}", slot.pool) for at, slot in slots_of(test.sections) if slot.pool]
        for pointer, pool in pools:
            found = self._candidates(test.campus_id, pool, draw)
            if len(found) < pool.pick:
                draw.faults.append((pointer, f"the pool has {len(found)} of {pool.pick} questions"))
            for question in found[: pool.pick]:
                draw.take(pointer, question)

    def _candidates(self, campus_id: str, pool: Pool, draw: _Draw) -> list[Question]:
        return self._selection.candidates(campus_id, pool.module, pool.level, pool.tags, draw.faces)

    def _pinned(self, test: Assessment, draw: _Draw) -> Blueprint:
        questions = [one for at, _ in slots_of(test.sections) for one in draw.taken[f"/{at}"]]
        ids = [version_id(one.id, one.version) for one in questions]
        versions = self._questions.versions(Scope.campus(test.campus_id), ids)
        sections, paper, number = [], [], 0
        for place, section in enumerate(test.sections):
            asked: list[QuestionVersion] = []
            for at in range(len(section.slots)):
                taken = draw.taken[f"/sections/{place}/slots/{at}"]
                asked += [versions[version_id(one.id, one.version)] for one in taken]
            slots = [_slot(number + n, version) for n, version in enumerate(asked, 1)]
            sections.append(PinnedSection(title=section.title, slots=tuple(slots)))
            paper.append(_paper(section.title, slots, asked))
            number += len(asked)
        return Blueprint(tuple(sections), tuple(paper), tuple(questions))


def _slot(number: int, version: QuestionVersion) -> PinnedSlot:
    return PinnedSlot(
        slot=str(number),
        question_id=version.question_id,
        version_id=version.id,
        type=version.type,
        mark=from_stored(version.mark),
    )


def _paper(title: str, slots: Sequence[PinnedSlot], asked: Sequence[QuestionVersion]) -> dict[str, Any]:
    shown = [
        {"slot": slot.slot, **{name: part for name, part in ready(version.paper).items() if name != "id"}}
        for slot, version in zip(slots, asked, strict=True)
    ]
    return {"title": title, "slots": shown}


def ready(value: Any) -> Any:
    """Return a stored value as JSON shows it: exact numbers are texts."""
    if isinstance(value, Decimal128):
        return plain(value.to_decimal())
    if isinstance(value, dict):
        return {name: ready(part) for name, part in value.items()}
    return [ready(part) for part in value] if isinstance(value, list) else value
