"""What practice tells of answers: after each of them, or at the end, as the test says."""

from collections.abc import Mapping
from typing import Any, Final

from config.permissions import Permission
from models import Actor
from services.assessments.documents import Assessment, AssessmentKind, Feedback, PinnedSlot
from services.attempts.documents import Attempt, AttemptState
from services.attempts.ground import Ground, own
from services.attempts.problems import NotReleased
from services.features.switches import require
from services.practice.feedback_schemas import Checked, Review, Reviewed, SentCheck
from services.practice.problems import NoFeedbackNow, NothingToCheck
from services.questions.responses import readable
from services.questions.review import notes_of, review_of
from services.questions.scoring.feedback import feedback_for
from services.questions.scoring.score import Terms, most, score
from services.results.documents import AttemptResult
from services.results.repository import ResultRepository
from services.results.schemas import ResultOut
from services.results.scorer import slots_of
from services.results.service import PinnedContents, may_be_seen
from utils.problems import Invalid

SEES: Final = {
    AssessmentKind.PRACTICE: Permission.PRACTICE_TAKE,
    AssessmentKind.ONLINE: Permission.HISTORY_READ,
}
NO_ANSWER: Final[Mapping[str, Any]] = {}


class AnswerFeedback:
    """Opens keys to students: of one answer that has become final, or of an attempt that is closed."""

    def __init__(self, ground: Ground, contents: PinnedContents, results: ResultRepository) -> None:
        self._ground, self._contents, self._results = ground, contents, results

    def check(self, attempt_id: str, wanted: SentCheck, actor: Actor) -> Checked:
        """Make one answer of an open practice attempt final, and tell what is right."""
        scope = own(actor)
        test = self._ground.test(actor.campus_id, self._ground.test_id(scope, attempt_id))
        if test.kind is not AssessmentKind.PRACTICE or test.feedback is not Feedback.EACH:
            raise NoFeedbackNow()
        slot = next((one for one in slots_of(test) if one.slot == wanted.slot), None)
        if slot is None:
            raise Invalid.field("slot", "is no slot of this test")
        kept = self._ground.attempts.seal(scope, attempt_id, actor.session_id, slot.slot)
        if kept is None:
            now = self._ground.attempts.find(scope, attempt_id)
            if now is not None and slot.slot not in now.attempt.answers:
                raise NothingToCheck()
            raise self._ground.refusal(scope, attempt_id, actor.session_id)
        return self._checked(test, slot, kept.answers[slot.slot].response)

    def review(self, attempt_id: str, actor: Actor) -> Review:
        """Return a closed attempt with what is right; raise NotReleased for one that tells nothing (yet)."""
        scope = own(actor)
        attempt = self._ground.found(scope, attempt_id).attempt
        test = self._ground.test(actor.campus_id, attempt.test_id)
        require(actor, SEES[test.kind])
        result = self._results.find(scope, attempt_id) if attempt.state is AttemptState.SUBMITTED else None
        if result is None or not may_be_seen(result) or test.feedback is Feedback.NONE:
            raise NotReleased()
        return self._reviewed(test, attempt, result)

    def _checked(self, test: Assessment, slot: PinnedSlot, given: Mapping[str, Any]) -> Checked:
        content = self._contents.of(test)[slot.version_id]
        terms, response = _terms(test), readable(content, given)
        found = score(content, response, terms)
        return Checked(
            slot=slot.slot,
            **Checked.earned(found, slot.mark, most(content)),
            feedback=feedback_for(content, response, terms),
            notes=notes_of(content),
            children=review_of(content).children,
        )

    def _reviewed(self, test: Assessment, attempt: Attempt, result: AttemptResult) -> Review:
        contents, terms = self._contents.of(test), _terms(test)
        slots = []
        for slot in slots_of(test):
            content = contents[slot.version_id]
            saved = attempt.answers.get(slot.slot)
            given = saved.response if saved else NO_ANSWER
            said = feedback_for(content, readable(content, given), terms)
            slots.append(
                Reviewed(slot=slot.slot, question=review_of(content), response=given or None, feedback=said)
            )
        return Review(attempt_id=attempt.id, test_id=test.id, result=ResultOut.of(result), slots=slots)


def _terms(test: Assessment) -> Terms:
    return Terms(test.scoring.negative, test.scoring.decimal_comma)
