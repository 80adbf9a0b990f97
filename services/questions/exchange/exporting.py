"""Questions leave the bank as a file, keys included: for authors, and for other programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from models import Actor
from services.audit.service import AuditService
from services.questions.bank import filter_of, seen_by
from services.questions.content import AnyContent
from services.questions.documents import Question, version_id
from services.questions.exchange.gift_writer import gift_of
from services.questions.exchange.schemas import QuestionExport
from services.questions.exchange.table_writer import HEADER, row_of
from services.questions.key_repository import AnswerKeyRepository
from services.questions.repository import QuestionRepository
from utils.paging import Keyset

AT_ONCE: Final = 200
MOST: Final = 5_000
EXPORTED: Final = "questions.exported"


@dataclass(frozen=True, slots=True)
class ExportedQuestions:
    """The file, and how many questions it does not hold: of a type that the format has no words for."""

    content: bytes
    left_out: int


class QuestionExports:
    """Writes files of the questions that somebody sees, oldest first, up to ``MOST``."""

    def __init__(self, questions: QuestionRepository, keys: AnswerKeyRepository, audit: AuditService) -> None:
        self._questions, self._keys, self._audit = questions, keys, audit

    def file(self, wanted: QuestionExport, actor: Actor) -> ExportedQuestions:
        """Return the questions that the filters let through; first the audit log says that keys left."""
        self._audit.record(
            EXPORTED,
            actor_id=actor.id,
            campus_id=actor.campus_id,
            target="questions",
            format=wanted.format,
            filters=sorted(wanted.model_dump(exclude_none=True, exclude={"format"})),
        )
        written = ["\ufeff" + HEADER] if wanted.format == "csv" else []
        left_out = 0
        for question, content in self._all(wanted, actor):
            text = _csv(question, content) if wanted.format == "csv" else _gift(question, content)
            left_out += text is None
            written += [text] if text is not None else []
        return ExportedQuestions("".join(written).encode(), left_out)

    def _all(self, wanted: QuestionExport, actor: Actor) -> Iterator[tuple[Question, AnyContent]]:
        scope, filters = seen_by(actor), filter_of(wanted)
        after: tuple[str, str] | None = None
        for _ in range(MOST // AT_ONCE):
            keyset = Keyset("created_at", "_id", 1, AT_ONCE - 1, after)
            rows = self._questions.list_rows(scope, filters, keyset)
            heads = [Question.from_mongo(row) for row in rows]
            contents = self._keys.contents(scope, [version_id(one.id, one.version) for one in heads])
            for head in heads:
                if (content := contents.get(version_id(head.id, head.version))) is not None:
                    yield head, content
            if len(heads) < AT_ONCE:
                return
            after = (heads[-1].id, heads[-1].id)


def _gift(question: Question, content: AnyContent) -> str | None:
    return gift_of(content, question.name, question.tags)


def _csv(question: Question, content: AnyContent) -> str | None:
    return row_of(question, content)
