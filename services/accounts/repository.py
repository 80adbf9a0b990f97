"""The collection ``users``, and the repositories that have to agree about a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from config.permissions import Role
from services.accounts.access_repository import LinkRepository, SessionRepository
from services.accounts.documents import (
    DEVICE_DAYS,
    MOST_DEVICES,
    USERS,
    SecondFactor,
    User,
    UserStatus,
)
from services.accounts.identifier_repository import IdentifierRepository
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Change, Row, ScopeRule, Store

DEVICE_MS: Final = DEVICE_DAYS * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class PeopleTally:
    """How many people of one campus, role and status there are; ``logged_in``: ever."""

    campus_id: str | None
    role: Role
    status: UserStatus
    people: int
    logged_in: int

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a counted row."""
        key = row["_id"]
        return cls(
            key["campus_id"], Role(key["role"]), UserStatus(key["status"]), row["people"], row["logged_in"]
        )


def _changed(fields: Mapping[str, Any], **computed: Any) -> Change:
    """Return the update that sets ``fields`` as they are, and what MongoDB computes."""
    plain = {name: {"$literal": value} for name, value in fields.items()}
    revision = {"$add": ["$revision", 1]}
    return [{"$set": plain | {"updated_at": "$$NOW", "revision": revision} | computed}]


def _devices(condition: Row) -> Row:
    """Return the expression for those known devices that meet a condition."""
    return {"$filter": {"input": {"$ifNull": ["$devices", []]}, "cond": condition}}


class UserRepository:
    """Accounts of people."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(USERS, ScopeRule(own="_id"))

    def add_many(self, scope: Scope, users: Sequence[User]) -> None:
        """Store new accounts."""
        self._rows.insert_many(scope, [user.to_mongo() for user in users])

    def find(self, scope: Scope, user_id: str) -> User | None:
        """Return one account of the scope."""
        row = self._rows.find_one(scope, {"_id": user_id})
        return User.from_mongo(row) if row else None

    def find_many(self, scope: Scope, user_ids: Sequence[str]) -> list[User]:
        """Return those of these accounts that lie in the scope."""
        rows = self._rows.find(scope, {"_id": {"$in": list(user_ids)}})
        return [User.from_mongo(row) for row in rows]

    def ids_within(self, scope: Scope, user_ids: Sequence[str]) -> list[str]:
        """Return which of these accounts lie in the scope."""
        rows = self._rows.find(scope, {"_id": {"$in": list(user_ids)}}, {"_id": 1})
        return [str(row["_id"]) for row in rows]

    def only_one_with_email(self, scope: Scope, email: str) -> User | None:
        """Return the account with this address, unless several share it."""
        rows = self._rows.find(scope, {"email": email}, limit=2)
        return User.from_mongo(rows[0]) if len(rows) == 1 else None

    def find_admin(self, scope: Scope, user_id: str) -> User | None:
        """Return an account of the scope that is not a student's."""
        row = self._rows.find_one(scope, {"_id": user_id, "role": {"$ne": Role.STUDENT}})
        return User.from_mongo(row) if row else None

    def list_with(
        self, scope: Scope, roles: Sequence[Role], filters: Mapping[str, str], keyset: Keyset
    ) -> list[Row]:
        """Return one more row than a page holds."""
        query = {"role": {"$in": list(roles)}, **filters, **keyset.filter}
        hint = "campus_admins" if scope.campus_id or "campus_id" in filters else "admins"
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1, hint=hint)

    def change(
        self, scope: Scope, user_id: str, fields: Mapping[str, Any], *, rights: bool, revision: int | None
    ) -> User | None:
        """Set fields, if the account is still at ``revision`` (None: any); ``rights`` makes a new ``ver``."""
        wanted = {"_id": user_id} | ({"revision": revision} if revision is not None else {})
        computed = {"ver": {"$add": ["$ver", 1]}} if rights else {}
        return self._update(scope, wanted, _changed(fields, **computed))

    def set_password(
        self, scope: Scope, user_id: str, ver: int, password_hash: str, device: str | None = None
    ) -> User | None:
        """Store a password chosen by its owner; whoever was invited is now active.

        Every known device is forgotten, but ``device`` (a hash).

        None when the account was deactivated, or anything ended its owner's access since ``ver`` was read.
        """
        wanted = {"_id": user_id, "ver": ver, "status": {"$ne": UserStatus.DEACTIVATED}}
        fields = {
            "password_hash": password_hash,
            "must_change_password": False,
            "status": UserStatus.ACTIVE,
        }
        left = _devices({"$eq": ["$$this.hash", device]})
        return self._update(scope, wanted, _changed(fields, ver={"$add": ["$ver", 1]}, devices=left))

    def forget_devices(self, scope: Scope, user_id: str) -> None:
        """Forget every device on which somebody is known."""
        self._rows.update_one(scope, {"_id": user_id}, {"$set": {"devices": []}})

    def begin_factor(self, scope: Scope, user_id: str, factor: SecondFactor) -> bool:
        """Store a second factor to be confirmed; False where one counts already."""
        wanted = {"_id": user_id, "second_factor.confirmed_at": None}
        return self._rows.update_one(scope, wanted, {"$set": {"second_factor": factor.model_dump()}})

    def confirm_factor(
        self, scope: Scope, user_id: str, nonce: str, step: int, recovery_hashes: Sequence[str]
    ) -> bool:
        """Let a second factor count from now on; False unless this is the one that waits for it."""
        wanted = {"_id": user_id, "second_factor.nonce": nonce, "second_factor.confirmed_at": None}
        now: Row = {
            "second_factor.confirmed_at": "$$NOW",
            "second_factor.last_step": step,
            "second_factor.recovery_hashes": list(recovery_hashes),
        }
        return self._rows.update_one(scope, wanted, _changed({}, ver={"$add": ["$ver", 1]}, **now))

    def use_step(self, scope: Scope, user_id: str, nonce: str, step: int) -> bool:
        """Use up the code of a step of time; False when it, or a later one, was used before."""
        wanted = {"_id": user_id, "second_factor.nonce": nonce, "second_factor.last_step": {"$lt": step}}
        return self._rows.update_one(scope, wanted, {"$set": {"second_factor.last_step": step}})

    def use_recovery_code(self, scope: Scope, user_id: str, nonce: str, code_hash: str) -> bool:
        """Use up a recovery code; False when there is none like this."""
        of_factor = "second_factor.recovery_hashes"
        wanted = {"_id": user_id, "second_factor.nonce": nonce, of_factor: code_hash}
        return self._rows.update_one(scope, wanted, {"$pull": {of_factor: code_hash}})

    def renew_recovery_codes(self, scope: Scope, user_id: str, recovery_hashes: Sequence[str]) -> bool:
        """Replace the recovery codes of a second factor that counts."""
        change = {"$set": {"second_factor.recovery_hashes": list(recovery_hashes)}}
        return self._rows.update_one(scope, _with_factor(user_id), change)

    def remove_factor(self, scope: Scope, user_id: str) -> bool:
        """Remove a second factor that counts; False where there is none."""
        change = _changed({"second_factor": None}, ver={"$add": ["$ver", 1]})
        return self._rows.update_one(scope, _with_factor(user_id), change)

    def rehash(self, scope: Scope, user_id: str, old: str, new: str) -> None:
        """Replace a hash by another of the same password."""
        self._rows.update_one(scope, {"_id": user_id, "password_hash": old}, {"$set": {"password_hash": new}})

    def set_status(self, scope: Scope, user_id: str, status: UserStatus) -> User | None:
        """Let somebody in or out; who never had a password is ``invited`` instead of ``active``."""
        invited = {"$eq": ["$password_hash", None]}
        let_in = {"$cond": [invited, UserStatus.INVITED, UserStatus.ACTIVE]}
        become = UserStatus.DEACTIVATED if status is UserStatus.DEACTIVATED else let_in
        change = _changed({}, status=become, ver={"$add": ["$ver", 1]}, devices=[])
        return self._update(scope, {"_id": user_id}, change)

    def note_login(self, scope: Scope, user_id: str, ver: int, device: str) -> bool:
        """Note a login on a device (a hash), if nothing has ended the person's access since ``ver`` was read.

        The device is known from now on, instead of the one that was used longest ago if there are many.
        """
        here = {"hash": device, "used_at": "$$NOW", "expires_at": {"$add": ["$$NOW", DEVICE_MS]}}
        others = _devices(
            {"$and": [{"$ne": ["$$this.hash", device]}, {"$gt": ["$$this.expires_at", "$$NOW"]}]}
        )
        seen = {
            "last_login_at": "$$NOW",
            "first_login_at": {"$ifNull": ["$first_login_at", "$$NOW"]},
            "devices": {"$slice": [{"$concatArrays": [[here], others]}, MOST_DEVICES]},
        }
        wanted = {"_id": user_id, "ver": ver, "status": UserStatus.ACTIVE}
        return self._rows.update_one(scope, wanted, [{"$set": seen}])

    def hold(self, scope: Scope, user_id: str) -> User | None:
        """Return an account as it is, and let nobody change it until the open transaction ends."""
        return self._update(scope, {"_id": user_id}, {"$inc": {"holds": 1}})

    def hold_many(self, scope: Scope, user_ids: Sequence[str]) -> None:
        """Let nobody change these accounts until the open transaction ends."""
        if user_ids:
            self._rows.update_many(scope, {"_id": {"$in": list(user_ids)}}, {"$inc": {"holds": 1}})

    def hold_active(self, scope: Scope, role: Role, campus_id: str | None) -> int:
        """Count the active people of a role, and let nobody else change that until the transaction ends."""
        wanted = {"role": role, "campus_id": campus_id, "status": UserStatus.ACTIVE}
        return self._rows.update_many(scope, wanted, {"$inc": {"holds": 1}})

    def count_with(self, scope: Scope, query: Mapping[str, Any], limit: int = 0) -> int:
        """Return how many accounts match, counting up to ``limit`` when it is given."""
        return self._rows.count(scope, query, limit)

    def tallies(self, scope: Scope, among: Sequence[str] | None = None) -> list[PeopleTally]:
        """Return how many people of the scope there are (all, or ``among`` these) by campus, role, status."""
        query: Row = {"role": {"$in": list(Role)}, "status": {"$in": list(UserStatus)}}
        if among is not None:
            query = {"_id": {"$in": list(among)}}
        seen = {"$cond": [{"$gt": ["$first_login_at", None]}, 1, 0]}
        key = {"campus_id": "$campus_id", "role": "$role", "status": "$status"}
        group = {"$group": {"_id": key, "people": {"$sum": 1}, "logged_in": {"$sum": seen}}}
        rows = self._rows.aggregate(scope, query, [group], hint="counts" if among is None else "_id_")
        return [PeopleTally.of(row) for row in rows]

    def exists_with(self, scope: Scope, role: Role) -> bool:
        """Tell whether anybody has this role."""
        return self._rows.find_one(scope, {"role": role}, {"_id": 1}) is not None

    def remove_many(self, scope: Scope, user_ids: Sequence[str]) -> None:
        """Remove accounts of the scope."""
        self._rows.delete_many(scope, {"_id": {"$in": list(user_ids)}})

    def _update(self, scope: Scope, wanted: Row, change: Change) -> User | None:
        row = self._rows.find_and_update(scope, wanted, change)
        return User.from_mongo(row) if row else None


def _with_factor(user_id: str) -> Row:
    return {"_id": user_id, "second_factor.confirmed_at": {"$ne": None}}


@dataclass(frozen=True, slots=True)
class AccountRepositories:
    """The repositories that have to agree about a person."""

    users: UserRepository
    identifiers: IdentifierRepository
    sessions: SessionRepository
    links: LinkRepository

    @classmethod
    def over(cls, store: Store) -> Self:
        """Return the repositories of one database."""
        return cls(
            UserRepository(store),
            IdentifierRepository(store),
            SessionRepository(store),
            LinkRepository(store),
        )
