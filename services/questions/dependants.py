"""What of the question bank depends on rows of earlier areas."""

from collections.abc import Mapping

from services.questions.repository import QuestionRepository
from utils.scope import Scope


class QuestionsDependOn:
    """Answers Dependants: the questions of a campus, and those that show or play a file."""

    def __init__(self, questions: QuestionRepository) -> None:
        self._questions = questions

    def counts(self, kind: str, row_id: str, campus_id: str) -> Mapping[str, int]:
        """Return how many questions depend on the row."""
        if kind == "campus":
            return {"questions": self._questions.count(Scope.campus(campus_id))}
        if kind == "file":
            return {"questions": self._questions.count_with_file(Scope.everything(), row_id)}
        return {}
