"""The collection ``answer_keys``. Only authors and scoring get to it: a test says who imports this."""

from collections.abc import Sequence

from services.questions.content import AnyContent, contents
from services.questions.documents import ANSWER_KEYS, AnswerKey
from services.questions.repository import SHARED
from utils.decimals import from_stored
from utils.scope import Scope
from utils.store import Store


class AnswerKeyRepository:
    """What authors wrote, version by version. Rows are only ever added, and go with their question."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(ANSWER_KEYS, SHARED)

    def add(self, scope: Scope, keys: Sequence[AnswerKey]) -> None:
        """Store the content of new versions."""
        self._rows.insert_many(scope, [key.to_mongo() for key in keys])

    def content(self, scope: Scope, version_id: str) -> AnyContent | None:
        """Return what the author wrote of a version."""
        row = self._rows.find_one(scope, {"_id": version_id})
        return _content(row["content"]) if row else None

    def contents(self, scope: Scope, version_ids: Sequence[str]) -> dict[str, AnyContent]:
        """Return what the authors wrote of these versions, by id."""
        rows = self._rows.find(scope, {"_id": {"$in": list(version_ids)}})
        return {str(row["_id"]): _content(row["content"]) for row in rows}

    def remove_of(self, scope: Scope, question_id: str) -> None:
        """Remove the keys of a question's versions."""
        self._rows.delete_many(scope, {"question_id": question_id})


def _content(stored: object) -> AnyContent:
    found: AnyContent = contents.validate_python(from_stored(stored))
    return found
