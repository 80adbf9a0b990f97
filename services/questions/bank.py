"""The question bank as authors use it: questions are made, edited as versions, retired, removed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from models import Actor
from services.audit.service import AuditService
from services.files.service import FileService
from services.ports import OrganisationLookup
from services.questions.content import AnyContent
from services.questions.documents import Question, QuestionStatus, QuestionVersion, version_id
from services.questions.key_repository import AnswerKeyRepository
from services.questions.media import files_of
from services.questions.modules import ModuleService
from services.questions.neutral import neutral
from services.questions.paper import PaperQuestion, paper_of
from services.questions.problems import (
    QuestionInUse,
    QuestionIsRetired,
    QuestionNotFound,
    QuestionNotYours,
)
from services.questions.repository import QuestionFilter, QuestionRepository
from services.questions.schemas import (
    QuestionCreate,
    QuestionFilters,
    QuestionOut,
    QuestionQuery,
    QuestionRow,
    VersionOut,
    VersionRow,
)
from services.questions.writing import NewQuestion, QuestionWriter
from utils.identifiers import search_term
from utils.paging import Keyset, PageOf, PageQuery
from utils.problems import Invalid, Stale
from utils.scope import Scope
from utils.store import Row, Store

T = TypeVar("T")
SORTS: Final = {"created_at": "_id"}  # ids grow with time
VERSION_SORTS: Final = {"number": "number"}
EQUAL: Final = ("module", "level", "topic", "type", "status", "difficulty")
MOST_DUPLICATES: Final = 5


@dataclass(frozen=True, slots=True)
class BankGround:
    """What the services of the bank share: its rows, the transaction, the audit log, places and files."""

    questions: QuestionRepository
    writer: QuestionWriter
    store: Store
    audit: AuditService
    places: OrganisationLookup
    modules: ModuleService
    files: FileService

    def campus_for(self, campus_id: str | None, actor: Actor) -> str | None:
        """Return whose a new question is: the platform's only where the actor is not of one campus."""
        wanted = campus_id or actor.scope.campus_id
        if wanted is not None and not self.places.hold_campus(actor.scope, wanted):
            raise Invalid.field("campus_id", "is not one of your campuses")
        return wanted

    def accept(self, new: NewQuestion, campus_id: str | None) -> None:
        """Raise Invalid for a question in no place that there is, or with files that are not there."""
        self.modules.accept(new.place.module, new.place.level, new.place.topic)
        if new.place.status is QuestionStatus.RETIRED:
            raise Invalid.field("status", "must be draft or live; POST …/retire retires a question")
        wanted = files_of(new.content)
        if missing := set(wanted) - self.files.usable(wanted, campus_id):
            raise Invalid.field(
                "media", f"holds files that cannot be used here: {', '.join(sorted(missing))}"
            )

    def record(self, action: str, question: Question, actor: Actor, **detail: Any) -> None:
        """Write to the audit log."""
        target = f"question:{question.id}"
        self.audit.record(action, actor_id=actor.id, campus_id=question.campus_id, target=target, **detail)

    def found(self, question_id: str, actor: Actor) -> Question:
        """Return a question that the actor may see: of the own campus, or the platform's."""
        question = self.questions.find(seen_by(actor), question_id)
        if question is None:
            raise QuestionNotFound()
        return question

    def own(self, question_id: str, actor: Actor) -> Question:
        """Return a question that the actor may change; raise QuestionNotYours for the platform's."""
        question = self.found(question_id, actor)
        if actor.scope.campus_id not in (None, question.campus_id):
            raise QuestionNotYours()
        return question


class QuestionBank:
    """Makes, shows, changes and removes questions. What a test has pinned never changes."""

    def __init__(self, ground: BankGround, keys: AnswerKeyRepository) -> None:
        self._ground, self._keys = ground, keys

    def create(self, wanted: QuestionCreate, actor: Actor) -> QuestionOut:
        """Store a new question."""
        new = _new(wanted)

        def work() -> Question:
            campus_id = self._ground.campus_for(new.place.campus_id, actor)
            self._ground.accept(new, campus_id)
            [question] = self._ground.writer.add([new], campus_id, actor.id)
            self._ground.record("question.created", question, actor, type=question.type)
            return question

        return self._shown(self._atomically(work), new.content, actor)

    def get(self, question_id: str, actor: Actor) -> QuestionOut:
        """Return a question as its author sees it."""
        question = self._ground.found(question_id, actor)
        return self._shown(question, self._content(question, question.version, actor), actor)

    def list_questions(self, query: QuestionQuery, actor: Actor) -> PageOf[QuestionRow]:
        """Return a page of the own campus's questions and the platform's, newest first."""
        keyset = Keyset.of(query, SORTS, "-created_at")
        rows = self._ground.questions.list_rows(seen_by(actor), filter_of(query), keyset)
        return keyset.page(rows, lambda row: QuestionRow.of(Question.from_mongo(row)))

    def change(
        self, question_id: str, wanted: QuestionCreate, revision: int | None, actor: Actor
    ) -> QuestionOut:
        """Store a new version of a question that nobody else changed meanwhile."""
        new = _new(wanted)

        def work() -> Question:
            question = self._ground.own(question_id, actor)
            _still(question, revision)
            if question.status is QuestionStatus.RETIRED:
                raise QuestionIsRetired()
            if new.place.campus_id not in (None, question.campus_id):
                raise Invalid.field("campus_id", "cannot be changed")
            self._ground.accept(new, question.campus_id)
            changed = self._ground.writer.change(question, new, actor.id)
            if changed is None:
                raise Stale()
            self._ground.record("question.changed", changed, actor, version=changed.version)
            return changed

        return self._shown(self._atomically(work), new.content, actor)

    def retire(self, question_id: str, revision: int | None, actor: Actor) -> QuestionOut:
        """Put a question into no new test; what holds it already keeps it."""

        def work() -> Question:
            question = self._ground.own(question_id, actor)
            _still(question, revision)
            if question.status is QuestionStatus.RETIRED:
                return question
            scope, fields = Scope.everything(), {"status": QuestionStatus.RETIRED}
            if question.campus_id is not None:
                scope = Scope.campus(question.campus_id)
            retired = self._ground.questions.change(scope, question, fields)
            if retired is None:
                raise Stale()
            self._ground.record("question.retired", retired, actor)
            return retired

        question = self._atomically(work)
        return self._shown(question, self._content(question, question.version, actor), actor)

    def remove(self, question_id: str, actor: Actor) -> None:
        """Remove a question that was never used, with its versions."""

        def work() -> None:
            question = self._ground.own(question_id, actor)
            if not self._ground.writer.remove(question):
                raise QuestionInUse(usage_count=question.usage_count)
            self._ground.record("question.deleted", question, actor, versions=question.version)

        self._atomically(work)

    def list_versions(self, question_id: str, query: PageQuery, actor: Actor) -> PageOf[VersionRow]:
        """Return a page of a question's versions, newest first."""
        question = self._ground.found(question_id, actor)
        keyset = Keyset.of(query, VERSION_SORTS, "-number")

        def show(row: Row) -> VersionRow:
            return VersionRow.of(QuestionVersion.from_mongo(row))

        return keyset.page(self._ground.questions.list_versions(seen_by(actor), question.id, keyset), show)

    def version(self, question_id: str, number: int, actor: Actor) -> VersionOut:
        """Return one version as its author wrote it."""
        question = self._ground.found(question_id, actor)
        version = self._ground.questions.version(seen_by(actor), version_id(question.id, number))
        if version is None:
            raise QuestionNotFound()
        return VersionOut.with_content(version, self._content(question, number, actor))

    def paper(self, question_id: str, actor: Actor) -> PaperQuestion:
        """Return a question as a student would see it."""
        question = self._ground.found(question_id, actor)
        return paper_of(self._content(question, question.version, actor))

    def _content(self, question: Question, number: int, actor: Actor) -> AnyContent:
        content = self._keys.content(seen_by(actor), version_id(question.id, number))
        if content is None:  # removed since we read its head
            raise QuestionNotFound()
        return content

    def _shown(self, question: Question, content: AnyContent, actor: Actor) -> QuestionOut:
        equal = self._ground.questions.equal(seen_by(actor), [question.digest]).get(question.digest, [])
        others: Sequence[str] = [one for one in equal if one != question.id]
        return QuestionOut.of(question, content, list(others[:MOST_DUPLICATES]))

    def _atomically(self, work: Callable[[], T]) -> T:
        return self._ground.store.atomically(work)


def seen_by(actor: Actor) -> Scope:
    """Return what of the bank somebody sees: whoever works in a course sees the questions of its campus."""
    return actor.scope.whole_campus


def filter_of(query: QuestionFilters) -> QuestionFilter:
    """Return which questions a query wants."""
    equal = {name: str(value) for name in EQUAL if (value := getattr(query, name)) is not None}
    terms = tuple(search_term(query.search)) if query.search else ()
    if query.search and not terms:
        raise Invalid.field("search", "holds no letter or digit to look for")
    return QuestionFilter(equal, tag=query.tag, terms=terms)


def _new(wanted: QuestionCreate) -> NewQuestion:
    if wanted.content.id is not None:
        raise Invalid.field("id", "is given by the server")
    return NewQuestion(neutral(wanted.content), wanted.place)


def _still(question: Question, revision: int | None) -> None:
    if revision not in (None, question.revision):
        raise Stale()
