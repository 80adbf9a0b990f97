"""What an answer would earn: for authors, before a question is in any test."""

from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from models import Actor
from services.questions.bank import BankGround, seen_by
from services.questions.content import AnyContent, Code
from services.questions.documents import version_id
from services.questions.key_repository import AnswerKeyRepository
from services.questions.parts import Share
from services.questions.problems import QuestionNotFound
from services.questions.responses import response_to
from services.questions.review import ReviewQuestion, review_of
from services.questions.scoring.feedback import feedback_for
from services.questions.scoring.programs import CaseResult, Verdict
from services.questions.scoring.score import Findings, Score, Terms, most, score
from utils.decimals import ZERO, Amount, rounded
from utils.problems import Invalid

FRACTION_PLACES: Final = 7
MARK_PLACES: Final = 5


class CaseVerdict(BaseModel):
    """How a program did in one case; a slow one was right and took longer than the case's time."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    slow: bool = False


class Preview(BaseModel):
    """An answer to try, and what a test or a provider would say.

    ``penalty``: what a test takes for a wrong choice. ``decimal_comma``: 3,14 is a number.
    ``transcript``: what was heard. ``verdicts``: how a program did in each case of the key, in its order.
    """

    model_config = ConfigDict(extra="forbid")

    response: dict[str, Any]
    penalty: Share | None = None
    decimal_comma: bool = False
    transcript: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    verdicts: Annotated[tuple[CaseVerdict, ...], Field(max_length=100)] | None = None


class ScoreOut(BaseModel):
    """What an answer earns, by which rule; fraction and mark are null where somebody has to mark first."""

    rule: str
    blank: bool
    fraction: Amount | None
    mark: Amount | None

    @classmethod
    def of(cls, found: Score) -> Self:
        """Show a score, rounded."""
        return cls(
            rule=found.rule,
            blank=found.blank,
            fraction=None if found.fraction is None else rounded(found.fraction, FRACTION_PLACES),
            mark=None if found.mark is None else rounded(found.mark, MARK_PLACES),
        )


class PreviewOut(ScoreOut):
    """A score out of ``max_mark``, with the author's words about the answer and what a review would show."""

    version: int
    max_mark: Amount
    feedback: list[str]
    children: dict[str, ScoreOut]
    review: ReviewQuestion


class QuestionTrials:
    """Scores answers to questions for their authors. Nothing is stored."""

    def __init__(self, ground: BankGround, keys: AnswerKeyRepository) -> None:
        self._ground, self._keys = ground, keys

    def preview(self, question_id: str, wanted: Preview, actor: Actor) -> PreviewOut:
        """Return what an answer to the current version earns."""
        question = self._ground.found(question_id, actor)
        content = self._keys.content(seen_by(actor), version_id(question.id, question.version))
        if content is None:  # removed since we read its head
            raise QuestionNotFound()
        terms = Terms(wanted.penalty, wanted.decimal_comma)
        response = response_to(content, wanted.response)
        found = score(content, response, terms, _findings(content, wanted))
        return PreviewOut(
            **ScoreOut.of(found).model_dump(),
            version=question.version,
            max_mark=rounded(content.mark * most(content), FRACTION_PLACES),
            feedback=feedback_for(content, response, terms),
            children={name: ScoreOut.of(one) for name, one in found.children.items()},
            review=review_of(content),
        )


def _findings(content: AnyContent, wanted: Preview) -> Findings:
    if wanted.verdicts is None:
        return Findings(wanted.transcript)
    if not isinstance(content, Code) or len(wanted.verdicts) != len(content.key.cases):
        raise Invalid.field("verdicts", "holds one verdict for each case of a program's key")
    results = [CaseResult(ZERO, one.verdict, slow=one.slow) for one in wanted.verdicts]
    return Findings(wanted.transcript, results)
