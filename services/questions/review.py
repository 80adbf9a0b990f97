"""The review projection: what a student may see once the result and the key are released."""

from typing import Any

from pydantic import BaseModel

from services.questions.content import AnyContent, Code, QuestionSet, child_id
from services.questions.paper import PaperQuestion, paper_of


class Notes(BaseModel):
    """The key of a question, and what its author says about answers. No hidden case of a program."""

    key: dict[str, Any] | None
    explanation: str | None
    feedback: dict[str, str]


class ReviewQuestion(PaperQuestion, Notes):
    """A paper's question with its notes; those of a set's children by their ids."""

    children: dict[str, Notes]


def review_of(content: AnyContent) -> ReviewQuestion:
    """Return what a review shows of a question."""
    children: dict[str, Notes] = {}
    if isinstance(content, QuestionSet):
        children = {child_id(n, one): notes_of(one) for n, one in enumerate(content.body.children, 1)}
    paper = paper_of(content)
    shown = {name: getattr(paper, name) for name in PaperQuestion.model_fields}
    return ReviewQuestion(**shown, **notes_of(content).model_dump(), children=children)


def notes_of(content: AnyContent) -> Notes:
    """Return the notes of one question, without those of its children."""
    key = content.key.model_dump(mode="json") if content.key is not None else None
    if isinstance(content, Code) and key is not None:
        key = {"cases": [case for case in key["cases"] if not case["hidden"]]}
    return Notes(key=key, explanation=content.explanation, feedback=content.feedback)
