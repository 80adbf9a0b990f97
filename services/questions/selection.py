"""Which questions a pool gives: unused ones first, then the least used, never two that look equal."""

from collections.abc import Collection, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from models import Actor
from services.ports import OrganisationLookup
from services.questions.documents import Question
from services.questions.repository import QuestionFilter, QuestionRepository
from services.questions.schemas import Id, Key, QuestionRow, TagName
from utils.problems import Invalid
from utils.scope import Scope

OFTEN: Final = 3  # uses after which a question is no longer counted as available
CANDIDATES: Final = 1_000
MOST_PICKED: Final = 200


class PoolQuery(BaseModel):
    """A pool: a module and level, all of it or what has a tag. Without ``campus_id`` of the own campus."""

    model_config = ConfigDict(extra="forbid")

    module: Key
    level: Key
    tag: TagName | None = None
    pick: Annotated[int, Field(ge=1, le=MOST_PICKED)] = 10
    campus_id: Id | None = None


class PoolOut(BaseModel):
    """``items`` would be picked now. ``available``: how many different ones were used fewer than 3 times."""

    available: int
    items: list[QuestionRow]


class QuestionSelection:
    """Picks questions for tests, and counts what they use."""

    def __init__(self, questions: QuestionRepository, places: OrganisationLookup) -> None:
        self._questions, self._places = questions, places

    def pool(self, query: PoolQuery, actor: Actor) -> PoolOut:
        """Return what a pool would give a test of a campus, or of the platform."""
        campus_id = query.campus_id or actor.scope.campus_id
        theirs = actor.scope.campus_id in (None, campus_id)
        if campus_id is not None and not (theirs and self._places.campus_name(campus_id)):
            raise Invalid.field("campus_id", "is not one of your campuses")
        tags = (query.tag,) if query.tag else ()
        found = self.candidates(campus_id, query.module, query.level, tags)
        available = sum(question.usage_count < OFTEN for question in found)
        return PoolOut(available=available, items=[QuestionRow.of(one) for one in found[: query.pick]])

    def candidates(
        self,
        campus_id: str | None,
        module: str,
        level: str,
        tags: Sequence[str] = (),
        without: Collection[str] = (),
    ) -> list[Question]:
        """Return live questions of a place, all or with one of ``tags``, in the order in which one picks.

        No two have the same face, and none has one of ``without``.
        """
        scope = Scope.campus(campus_id) if campus_id is not None else Scope.everything()
        wanted = QuestionFilter({"module": module, "level": level}, any_tag=tuple(tags))
        seen, found = set(without), []
        for question in self._questions.least_used(scope, wanted, CANDIDATES):
            if question.face not in seen:
                seen.add(question.face)
                found.append(question)
        return found

    def count_use(self, questions: Sequence[Question]) -> None:
        """Note, in the transaction that puts them into a test, that these are used once more."""
        self._questions.count_use([question.id for question in questions])
