"""What the accounts keep of one person: the account, what it is called, its logins and links."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.accounts.access_repository import LinkRepository
from services.accounts.documents import (
    LOGIN_IDENTIFIERS,
    ONE_TIME_LINKS,
    SESSIONS,
    USERS,
    UserStatus,
)
from services.accounts.identifier_repository import IdentifierRepository
from services.accounts.sessions import Sessions
from services.ports import Person
from utils.scope import Scope
from utils.store import PLATFORM, Row, ScopeRule, Store
from utils.text import key_of

# What leaves in an export: no hash, no secret, nothing by which somebody could come in.
SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    USERS: (
        *("_id", "username", "role", "status", "name", "email", "mobile_number", "campus_id", "course_ids"),
        *("modules", "created_at", "updated_at", "first_login_at", "last_login_at"),
    ),
    LOGIN_IDENTIFIERS: ("_id",),
    SESSIONS: ("created_at", "last_used_at", "expires_at", "revoked_at", "revoked_why", "user_agent"),
    ONE_TIME_LINKS: ("purpose", "expires_at", "ended_at", "ended_why"),
}


class PersonalAccounts:
    """Answers for the accounts."""

    collections = frozenset(SHOWN)

    def __init__(
        self, store: Store, identifiers: IdentifierRepository, links: LinkRepository, sessions: Sessions
    ) -> None:
        self._users = store.rows(USERS, ScopeRule(own="_id"))
        self._owned = {name: store.system(name) for name in SHOWN if name != USERS}
        self._identifiers, self._links, self._sessions = identifiers, links, sessions

    def find(self, scope: Scope, named: str) -> Person | None:
        """Return who has this id or username."""
        for query in ({"_id": named}, {"username": named.strip().casefold()}):
            if row := self._users.find_one(scope, query):
                return Person(row["_id"], row["campus_id"], row["username"], row["mobile_number"])
        return None

    def of_person(self, scope: Scope, person: Person) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the account, its identifiers, sessions and links."""
        found: dict[str, list[Row]] = {USERS: self._users.find(scope, {"_id": person.id}, _only(USERS))}
        for name, rows in self._owned.items():
            found[name] = rows.find(PLATFORM, {"user_id": person.id}, _only(name))
        return found

    def anonymise(self, scope: Scope, person: Person) -> None:
        """Leave an account that nobody can enter; end its sessions and links, give up what it was called."""
        alias = {"name": person.alias, "name_key": key_of(person.alias), "username": person.alias}
        gone: dict[str, Any] = {
            "email": None,
            "mobile_number": None,
            "password_hash": None,
            "second_factor": None,
            "devices": [],
        }
        change = {**alias, **gone, "status": UserStatus.DEACTIVATED, "must_change_password": False}
        literal = {name: {"$literal": value} for name, value in change.items()}
        grown = {"ver": {"$add": ["$ver", 1]}, "revision": {"$add": ["$revision", 1]}, "updated_at": "$$NOW"}
        wanted = {"_id": person.id, "username": {"$ne": person.alias}}
        self._users.update_one(scope, wanted, [{"$set": literal | grown}])
        self._identifiers.remove_all([person.id])
        self._links.remove_all([person.id])
        self._sessions.remove_all([person.id])


def _only(collection: str) -> dict[str, int]:
    fields = dict.fromkeys(SHOWN[collection], 1)
    return fields if "_id" in fields else {**fields, "_id": 0}
