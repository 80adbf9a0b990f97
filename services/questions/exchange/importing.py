"""Files of questions go into the bank: what is right of them, and no question twice."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any, Final

from pydantic import ValidationError

from models import Actor
from services.questions.bank import BankGround, seen_by
from services.questions.exchange.drafts import Draft, NoQuestion, content_of, told
from services.questions.exchange.files import FileUnreadable, drafts_of
from services.questions.exchange.schemas import ImportedQuestions, QuestionImport, Rejected, Repeated
from services.questions.neutral import neutral
from services.questions.schemas import QuestionPlace
from services.questions.writing import NewQuestion
from utils.limited_process import Limits
from utils.problems import Invalid, Unavailable

SEATS: Final = 2
PATIENCE_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 10.0
LETTERED: Final = ("csv", "xlsx")  # these name what is right apart from the options; others may list it first


@dataclass(slots=True)
class _Sorted:
    """The questions of a file, by what becomes of them."""

    new: dict[str, tuple[int, NewQuestion]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    repeated: list[Repeated] = field(default_factory=list)


class QuestionImports:
    """Reads files of questions, and stores all that are good and new in one transaction."""

    def __init__(self, ground: BankGround, limits: Limits) -> None:
        self._ground, self._limits = ground, limits
        self._seats = BoundedSemaphore(SEATS)

    def take(self, wanted: QuestionImport, actor: Actor) -> ImportedQuestions:
        """Store the questions of a file, or with ``dry_run`` say what would be stored."""
        self._ground.modules.accept(wanted.module, wanted.level, None)
        drafts = self._read(wanted)
        return self._ground.store.atomically(lambda: self._store(drafts, wanted, actor))

    def _read(self, wanted: QuestionImport) -> list[Draft]:
        """Return what the file holds. Few are read at once: each may cost a child with memory of its own."""
        if not self._seats.acquire(timeout=PATIENCE_SECONDS):
            raise Unavailable(retry_after=RETRY_SECONDS)
        try:
            return list(drafts_of(wanted.content, wanted.filename, wanted.format, self._limits))
        except FileUnreadable as error:
            raise Invalid.field("file", str(error)) from None
        finally:
            self._seats.release()

    def _store(self, drafts: Iterable[Draft], wanted: QuestionImport, actor: Actor) -> ImportedQuestions:
        campus_id = self._ground.campus_for(wanted.campus_id, actor)
        found = self._sorted(drafts, wanted, campus_id, actor)
        new = [question for _, question in found.new.values()]
        ids: list[str] = []
        if new and not wanted.dry_run:
            ids = [one.id for one in self._ground.writer.add(new, campus_id, actor.id)]
            self._ground.audit.record(
                "question.imported",
                actor_id=actor.id,
                campus_id=campus_id,
                target=f"question:{ids[0]}",
                format=wanted.format,
                created=len(ids),
                rejected=len(found.rejected),
            )
        return ImportedQuestions(
            dry_run=wanted.dry_run,
            created=len(new),
            duplicates=len(found.repeated),
            rejected=found.rejected,
            repeated=found.repeated,
            ids=ids,
        )

    def _sorted(
        self, drafts: Iterable[Draft], wanted: QuestionImport, campus_id: str | None, actor: Actor
    ) -> _Sorted:
        found = _Sorted()
        for draft in drafts:
            try:
                question = self._question(draft, wanted, campus_id)
            except NoQuestion as error:
                found.rejected.append(Rejected(line=draft.line, reason=str(error), text=draft.text))
                continue
            digest = question.fields["digest"]
            if digest in found.new:
                first = found.new[digest][0]
                found.repeated.append(Repeated(line=draft.line, question_id=None, first_line=first))
            else:
                found.new[digest] = draft.line, question
        known = self._ground.questions.equal(seen_by(actor), list(found.new)) if found.new else {}
        for digest, ids in known.items():
            line, _ = found.new.pop(digest)
            found.repeated.append(Repeated(line=line, question_id=ids[0], first_line=None))
        found.repeated.sort(key=lambda one: one.line)
        return found

    def _question(self, draft: Draft, wanted: QuestionImport, campus_id: str | None) -> NewQuestion:
        content = neutral(content_of(draft), by_place=wanted.format not in LETTERED)
        place: dict[str, Any] = {"module": wanted.module, "level": wanted.level, **(draft.place or {})}
        try:
            new = NewQuestion(content, QuestionPlace(**place))
            self._ground.accept(new, campus_id)
        except ValidationError as error:
            raise NoQuestion(told(error)) from None
        except Invalid as error:
            fault = error.extensions["errors"][0]
            raise NoQuestion(f"{fault['pointer'].strip('/')}: {fault['detail']}") from None
        return new
