"""What a student sees of a score, once they may see it."""

from typing import Self

from pydantic import BaseModel

from services.assessments.documents import Feedback
from services.results.documents import AttemptResult, ResultState
from utils.decimals import Amount, rounded

PLACES = 5


class ItemOut(BaseModel):
    """What one slot earned; ``mark`` is null while somebody has to mark it."""

    slot: str
    blank: bool
    mark: Amount | None
    max_mark: Amount


class ResultOut(BaseModel):
    """A score; null while any of it has to be marked. ``percent`` is of ``max_score``.

    ``items`` is empty where the test never tells what was right.
    """

    state: ResultState
    score: Amount | None
    max_score: Amount
    percent: Amount | None
    items: list[ItemOut]

    @classmethod
    def of(cls, result: AttemptResult) -> Self:
        """Show a score, rounded once."""
        score, most = result.score, result.max_score
        return cls(
            state=result.state,
            score=None if score is None else rounded(score, PLACES),
            max_score=rounded(most, PLACES),
            percent=None if score is None or not most else rounded(100 * score / most, 2),
            items=[
                ItemOut(
                    slot=item.slot,
                    blank=item.blank,
                    mark=None if item.mark is None else rounded(item.mark, PLACES),
                    max_mark=rounded(item.max_mark, PLACES),
                )
                for item in result.items
                if result.feedback is not Feedback.NONE
            ],
        )
