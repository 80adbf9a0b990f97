"""The collections ``questions``, ``question_versions`` and ``question_modules``. Keys lie elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.questions.documents import (
    QUESTION_MODULES,
    QUESTION_VERSIONS,
    QUESTIONS,
    Question,
    QuestionModule,
    QuestionStatus,
    QuestionVersion,
    index_name,
)
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import PLATFORM, Row, ScopeRule, Store

SHARED: Final = ScopeRule(platform_shown=True)
USES: Final = Scope.unscoped("uses of questions, also of the platform's")
ENOUGH: Final = 200


@dataclass(frozen=True, slots=True)
class QuestionFilter:
    """Which questions of a scope are wanted; an absent one does not narrow."""

    equal: Mapping[str, str]
    tag: str | None = None
    terms: tuple[str, ...] = ()
    any_tag: tuple[str, ...] = ()

    @property
    def query(self) -> Row:
        """The filter."""
        tag: Row = {"tags": self.tag} if self.tag else {}
        if self.any_tag:
            tag = {"tags": {"$in": list(self.any_tag)}}
        return {**self.equal, **tag, **({"terms": {"$all": list(self.terms)}} if self.terms else {})}

    def index(self, scope: Scope) -> str:
        """Return the index that narrows most."""
        campus = ("campus_id",) if scope.campus_id is not None else ()
        if self.terms:
            return index_name(*campus, "terms")
        if self.tag:
            return index_name(*campus, "tags")
        module = ("module",) if "module" in self.equal else ()
        level = ("level",) if module and "level" in self.equal else ()
        return index_name(*campus, *module, *level)


class QuestionRepository:
    """Questions and their versions: a campus reads the platform's, too, and writes its own."""

    def __init__(self, store: Store) -> None:
        self._heads = store.rows(QUESTIONS, SHARED)
        self._versions = store.rows(QUESTION_VERSIONS, SHARED)

    def add(self, scope: Scope, questions: Sequence[Question]) -> None:
        """Store new questions."""
        self._heads.insert_many(scope, [question.to_mongo() for question in questions])

    def add_versions(self, scope: Scope, versions: Sequence[QuestionVersion]) -> None:
        """Store new versions."""
        self._versions.insert_many(scope, [version.to_mongo() for version in versions])

    def find(self, scope: Scope, question_id: str) -> Question | None:
        """Return a question of the scope, or of the platform."""
        row = self._heads.find_one(scope, {"_id": question_id})
        return Question.from_mongo(row) if row else None

    def find_many(self, scope: Scope, question_ids: Sequence[str]) -> dict[str, Question]:
        """Return those of these questions that lie in the scope or are the platform's, by id."""
        rows = self._heads.find(scope, {"_id": {"$in": list(question_ids)}})
        return {str(row["_id"]): Question.from_mongo(row) for row in rows}

    def list_rows(self, scope: Scope, wanted: QuestionFilter, keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds."""
        query, hint = {**wanted.query, **keyset.filter}, wanted.index(scope)
        return self._heads.find(scope, query, sort=keyset.order, limit=keyset.limit + 1, hint=hint)

    def equal(self, scope: Scope, digests: Sequence[str]) -> dict[str, list[str]]:
        """Return the ids of questions that have one of these digests, by digest."""
        found: dict[str, list[str]] = {}
        places = {} if scope.campus_id is not None else {"campus_id": None}
        query = {**places, "digest": {"$in": list(digests)}}
        for row in self._heads.find(scope, query, {"digest": 1}, hint=index_name("campus_id", "digest")):
            found.setdefault(str(row["digest"]), []).append(str(row["_id"]))
        return found

    def change(self, scope: Scope, question: Question, fields: Mapping[str, Any]) -> Question | None:
        """Set fields of a question that is still as it was read; None if it is not."""
        change = {"$set": dict(fields), "$inc": {"revision": 1}}
        row = self._heads.find_and_update(scope, {"_id": question.id, "revision": question.revision}, change)
        return Question.from_mongo(row) if row else None

    def remove_unused(self, scope: Scope, question_id: str) -> bool:
        """Remove a question that was never used, with its versions; tell whether it was there and unused."""
        if not self._heads.delete_one(scope, {"_id": question_id, "usage_count": 0}):
            return False
        self._versions.delete_many(scope, {"question_id": question_id})
        return True

    def version(self, scope: Scope, version_id: str) -> QuestionVersion | None:
        """Return a version as papers show it."""
        row = self._versions.find_one(scope, {"_id": version_id})
        return QuestionVersion.from_mongo(row) if row else None

    def versions(self, scope: Scope, version_ids: Sequence[str]) -> dict[str, QuestionVersion]:
        """Return these versions as papers show them, by id."""
        rows = self._versions.find(scope, {"_id": {"$in": list(version_ids)}})
        return {str(row["_id"]): QuestionVersion.from_mongo(row) for row in rows}

    def list_versions(self, scope: Scope, question_id: str, keyset: Keyset) -> list[Row]:
        """Return one more version than a page holds."""
        query = {"question_id": question_id, **keyset.filter}
        return self._versions.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)

    def least_used(self, scope: Scope, wanted: QuestionFilter, limit: int) -> list[Question]:
        """Return live questions of a place, the least used first; of no campus: the platform's own."""
        place = {} if scope.campus_id is not None else {"campus_id": None}
        query = {**place, **wanted.query, "status": QuestionStatus.LIVE}
        order, hint = [("usage_count", 1), ("_id", 1)], "campus_id_module_level_status_usage_count"
        return [
            Question.from_mongo(row)
            for row in self._heads.find(scope, query, sort=order, limit=limit, hint=hint)
        ]

    def count_use(self, question_ids: Sequence[str]) -> None:
        """Count one more use of each; whoever calls has read them in the scope that they are used in."""
        self._heads.update_many(USES, {"_id": {"$in": list(question_ids)}}, {"$inc": {"usage_count": 1}})

    def count(self, scope: Scope, limit: int = ENOUGH) -> int:
        """Return how many questions a campus has of its own, counted up to ``limit``."""
        return self._heads.count(scope, {"campus_id": scope.campus_id}, limit)

    def count_with_file(self, scope: Scope, file_id: str) -> int:
        """Return in how many versions a file is used, counted up to a limit."""
        return self._versions.count(scope, {"media": file_id}, ENOUGH)


class ModuleRepository:
    """Modules: the platform's data."""

    def __init__(self, store: Store) -> None:
        self._rows = store.system(QUESTION_MODULES)

    def all(self) -> list[QuestionModule]:
        """Return those that were ever edited, in order."""
        rows = self._rows.find(PLATFORM, {"position": {"$gte": 0}}, sort=[("position", 1), ("_id", 1)])
        return [QuestionModule.from_mongo(row) for row in rows]

    def put(self, module: QuestionModule) -> bool:
        """Store a module as the successor of the revision before it; False if that is not the present."""
        row = module.to_mongo()
        if module.revision == 1:
            self._rows.insert(PLATFORM, row)
            return True
        before = {"_id": row.pop("_id"), "revision": module.revision - 1}
        return self._rows.update_one(PLATFORM, before, {"$set": row})
