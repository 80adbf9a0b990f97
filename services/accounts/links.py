"""One-time links: derived tokens of which the database keeps only hashes."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from config.constants import ACTIVATION_HOURS, RESET_MINUTES
from services.accounts.access_repository import SUPERSEDED, LinkRepository
from services.accounts.documents import LinkPurpose, OneTimeLink
from services.accounts.repository import UserRepository
from utils.clock import Clock
from utils.problems import Gone
from utils.scope import Scope

LIFETIME_SECONDS: Final = {
    LinkPurpose.ACTIVATE: ACTIVATION_HOURS * 3600,
    LinkPurpose.RESET: RESET_MINUTES * 60,
}
NONCE_BYTES: Final = 16
ISSUING: Final = Scope.unscoped("people who are sent a link")


class LinkNotValid(Gone):
    """This link was used, has expired, or was replaced by a newer one. Use the newest message that you have,
    ask for a new link on the login page, or ask your administrator to send your credentials again."""

    title = "This link cannot be used any more"


class OneTimeLinks:
    """Issues links and uses them up."""

    def __init__(
        self, links: LinkRepository, users: UserRepository, token_key: str, link_base: str, clock: Clock
    ) -> None:
        self._links, self._users, self._clock = links, users, clock
        self._key, self._base = token_key.encode(), link_base

    def issue_many(
        self,
        purpose: LinkPurpose,
        people: Sequence[tuple[str, str | None]],
        *,
        from_at: datetime | None = None,
    ) -> dict[str, str]:
        """Return a nonce per user id of ``(user id, campus id)``; ends their older links of this purpose.

        With ``from_at``, when the messages are to go out, the lifetime counts from then and older links hold
        until then. Nonce and key make the token: see ``url``.

        Call it in the transaction that also reads the addresses and stores the messages: whoever changes an
        address or deactivates somebody at the same moment waits for it, and ends these links too.
        """
        seconds = LIFETIME_SECONDS[purpose]
        ends = (from_at or self._clock.now()) + timedelta(seconds=seconds)
        nonces = {user_id: secrets.token_hex(NONCE_BYTES) for user_id, _ in people}
        self._users.hold_many(ISSUING, list(nonces))
        if from_at is None:
            self._links.end_open(list(nonces), [purpose], SUPERSEDED)
        else:
            self._links.end_open_at(list(nonces), purpose, from_at)
        links = [
            OneTimeLink(
                id=_hash(self._token(purpose, user_id, nonces[user_id])),
                user_id=user_id,
                purpose=purpose,
                campus_id=campus_id,
                expires_at=ends,
            )
            for user_id, campus_id in people
        ]
        self._links.add_many(links, seconds, from_at)
        return nonces

    def renew(self, purpose: LinkPurpose, people: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """Let the links of ``(user id, nonce)`` live from now on as new ones do.

        Returns why, for those that were ended: they stay so.
        """
        if not people:
            return {}
        ids = {_hash(self._token(purpose, *person)): person for person in people}
        self._links.prolong(list(ids), LIFETIME_SECONDS[purpose])
        return {ids[link_id]: why for link_id, why in self._links.ended(list(ids)).items()}

    def url(self, purpose: LinkPurpose, user_id: str, nonce: str) -> str:
        """Return the address that goes into the message; the same every time."""
        return f"{self._base}/{purpose}?token={self._token(purpose, user_id, nonce)}"

    def owner(self, purpose: LinkPurpose, token: str) -> str:
        """Return whose open link this is, without using it up; raise LinkNotValid for every other token."""
        link = self._links.find_open(_hash(token), purpose)
        if link is None:
            raise LinkNotValid()
        return link.user_id

    def consume(self, purpose: LinkPurpose, token: str) -> str:
        """Use a link up and return whose it was; of two callers one wins, the other gets LinkNotValid."""
        link = self._links.consume(_hash(token), purpose)
        if link is None:
            raise LinkNotValid()
        return link.user_id

    def end_all(self, user_ids: Sequence[str], why: str) -> None:
        """End every link that these people could still use."""
        self._links.end_open(user_ids, list(LinkPurpose), why)

    def _token(self, purpose: LinkPurpose, user_id: str, nonce: str) -> str:
        derived = hmac.digest(self._key, f"{purpose}|{user_id}|{nonce}".encode(), "sha256")
        # letters and digits only: phones cut a dash or an underscore off the end of a link in an SMS
        return base64.b32encode(derived).rstrip(b"=").decode().lower()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
