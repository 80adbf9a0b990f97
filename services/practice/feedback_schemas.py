"""What students see of keys, once they may."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, SerializeAsAny, StringConstraints

from services.questions.review import Notes, ReviewQuestion
from services.questions.scoring.score import Score
from services.results.schemas import ResultOut
from utils.decimals import Amount, rounded

PLACES = 5


class SentCheck(BaseModel):
    """The slot whose answer is final now."""

    model_config = ConfigDict(extra="forbid")

    slot: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}$")]


class Checked(BaseModel):
    """What a final answer earned (``mark`` null: somebody has to mark it) and what is right.

    ``feedback``: the author's words about this answer. ``children``: the notes of a set's children, by id.
    """

    slot: str
    blank: bool
    fraction: Amount | None
    mark: Amount | None
    max_mark: Amount
    feedback: list[str]
    notes: Notes
    children: dict[str, Notes]

    @staticmethod
    def earned(found: Score, mark: Decimal, times: Decimal) -> dict[str, Any]:
        """Return what an answer earned, rounded once."""
        fraction = found.fraction
        return {
            "blank": found.blank,
            "fraction": None if fraction is None else rounded(fraction, PLACES),
            "mark": None if fraction is None else rounded(fraction * mark, PLACES),
            "max_mark": rounded(mark * times, PLACES),
        }


class Reviewed(BaseModel):
    """A question with its key, what was answered (null: nothing), and the author's words about that."""

    slot: str
    question: SerializeAsAny[ReviewQuestion]
    response: dict[str, Any] | None
    feedback: list[str]


class Review(BaseModel):
    """An attempt question by question, in the author's order."""

    attempt_id: str
    test_id: str
    result: ResultOut
    slots: list[Reviewed]
