"""The collection ``login_identifiers``: what people type to name themselves."""

from collections.abc import Sequence
from typing import Final

from pymongo.errors import BulkWriteError

from services.accounts.documents import LOGIN_IDENTIFIERS, LoginIdentifier
from utils.store import PLATFORM, Store

DUPLICATE_KEY: Final = 11000


class FormTaken(Exception):
    """Somebody else already has the identifier at this place of the list."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class IdentifierRepository:
    """What people type to name themselves. Each form belongs to one person on the whole platform."""

    def __init__(self, store: Store) -> None:
        self._rows = store.system(LOGIN_IDENTIFIERS)

    def add_many(self, identifiers: Sequence[LoginIdentifier]) -> None:
        """Reserve forms; raise FormTaken for the first that somebody has."""
        try:
            self._rows.insert_many(PLATFORM, [identifier.to_mongo() for identifier in identifiers])
        except BulkWriteError as error:
            fault = (error.details.get("writeErrors") or [{}])[0]
            if fault.get("code") != DUPLICATE_KEY:
                raise
            raise FormTaken(fault["index"]) from None

    def owners(self, forms: Sequence[str]) -> dict[str, str]:
        """Return who has which of these forms."""
        rows = self._rows.find(PLATFORM, {"_id": {"$in": list(forms)}})
        return {row["_id"]: row["user_id"] for row in rows}

    def remove(self, user_id: str, forms: Sequence[str]) -> None:
        """Give up some forms of a person."""
        self._rows.delete_many(PLATFORM, {"_id": {"$in": list(forms)}, "user_id": user_id})

    def remove_all(self, user_ids: Sequence[str]) -> None:
        """Give up every form of these people."""
        self._rows.delete_many(PLATFORM, {"user_id": {"$in": list(user_ids)}})
