"""Devices that people are known to use: a random token each, of which the account keeps the hash."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.accounts.devices import plain_name
from services.accounts.documents import User

MOST_PRESENTED: Final = 5  # several people may share a browser
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from: its network, its program, and the device tokens that it presents."""

    address: str
    user_agent: str = ""
    device_tokens: tuple[str, ...] = ()

    @property
    def device(self) -> str:
        """The program in a few words of our own."""
        return plain_name(self.user_agent)


@dataclass(frozen=True, slots=True)
class Device:
    """A device as one account knows it."""

    token: str
    new: bool

    @property
    def hash(self) -> str:
        """What the account keeps."""
        return hash_of(self.token)

    @classmethod
    def of(cls, user: User, caller: Caller, now: datetime) -> "Device":
        """Return the device of this caller: one that the account knows, or a new one."""
        token = known_token(user, caller.device_tokens, now)
        return cls(secrets.token_urlsafe(32), new=True) if token is None else cls(token, new=False)


def known_token(user: User | None, tokens: Sequence[str], now: datetime) -> str | None:
    """Return which of these tokens belongs to a device that the account knows, if any does."""
    known = {device.hash for device in user.devices if device.expires_at > now} if user else set()
    presented = [token for token in tokens[:MOST_PRESENTED] if TOKEN.fullmatch(token)]
    return next((token for token in presented if hash_of(token) in known), None)


def hash_of(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
