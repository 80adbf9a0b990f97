"""Accounts as they are stored. A student's account and the student record share one id."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pymongo import ASCENDING, IndexModel

from config.permissions import Role
from utils.documents import Document

USERS: Final = "users"
LOGIN_IDENTIFIERS: Final = "login_identifiers"
SESSIONS: Final = "sessions"
ONE_TIME_LINKS: Final = "one_time_links"
LOGIN_THROTTLE: Final = "login_throttle"
MOST_DEVICES: Final = 10  # of a person
DEVICE_DAYS: Final = 90  # since it was last used
LINK_KEPT_SECONDS: Final = 400 * 24 * 3600  # after it ran out, as its message may be tried again


class UserStatus(StrEnum):
    """``invited`` until the first password is set; ``deactivated`` keeps everything and lets nobody in."""

    INVITED = "invited"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class LinkPurpose(StrEnum):
    ACTIVATE = "activate"
    RESET = "reset"


class SecondFactor(BaseModel):
    """A second factor. Its secret is derived from ``nonce``; recovery codes are kept as hashes.

    ``last_step``: the step of time whose code was used last; no earlier one works again.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    nonce: str
    confirmed_at: datetime | None = None
    last_step: int = -1
    recovery_hashes: tuple[str, ...] = ()


class KnownDevice(BaseModel):
    """A device on which somebody has logged in, by the hash of the token that it was given."""

    hash: str
    used_at: datetime
    expires_at: datetime


class User(Document):
    """An account. ``username`` is the normal form; ``mobile_number`` is E.164 with its plus.

    ``modules`` is a sub-superadmin's access; ``granted`` and ``withheld`` are the permissions in which
    anybody else differs from their role.
    ``ver`` grows with every change that must end what the person could do before (password, status, rights).
    """

    username: str
    role: Role
    status: UserStatus = UserStatus.INVITED
    name: str
    name_key: str
    email: str | None = None
    mobile_number: str | None = None
    campus_id: str | None
    course_ids: tuple[str, ...] = ()
    modules: dict[str, str] = Field(default_factory=dict)
    granted: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    password_hash: str | None = None
    devices: tuple[KnownDevice, ...] = Field((), repr=False)
    must_change_password: bool = False
    second_factor: SecondFactor | None = None
    ver: int = 1
    revision: int = 1
    created_at: datetime
    updated_at: datetime
    first_login_at: datetime | None = None
    last_login_at: datetime | None = None

    @property
    def has_second_factor(self) -> bool:
        """Whether logins ask for a code."""
        return self.second_factor is not None and self.second_factor.confirmed_at is not None


class LoginIdentifier(Document):
    """``_id`` is what a person may type to name themselves: a username, a mobile number, a staff email."""

    user_id: str


class SessionRow(Document):
    """One login on one device. Only the hash of its current refresh token is kept, and those it had before.

    ``expires_at`` moves with every refresh, never past ``ends_at``. ``proved_at``: when its owner last proved
    who they are.
    """

    user_id: str
    refresh_hash: str
    used_hashes: tuple[str, ...] = ()
    created_at: datetime
    last_used_at: datetime
    proved_at: datetime | None = None
    expires_at: datetime
    ends_at: datetime
    revoked_at: datetime | None = None
    revoked_why: str | None = None
    user_agent: str = ""


class OneTimeLink(Document):
    """``_id`` is the hash of the token. The token itself is derived, never stored.

    ``superseded_at``: when a newer link takes its place; it cannot be made to hold beyond that.
    """

    user_id: str
    purpose: LinkPurpose
    campus_id: str | None
    expires_at: datetime
    superseded_at: datetime | None = None
    ended_at: datetime | None = None
    ended_why: str | None = None


INDEXES: Final = {
    USERS: [
        IndexModel("username", name="username", unique=True),
        IndexModel([("email", ASCENDING)], name="email"),
        IndexModel(
            [("role", ASCENDING), ("name_key", ASCENDING), ("_id", ASCENDING)],
            name="admins",
        ),
        IndexModel(
            [("campus_id", ASCENDING), ("role", ASCENDING), ("name_key", ASCENDING), ("_id", ASCENDING)],
            name="campus_admins",
        ),
        IndexModel(  # all that is counted, so that counting reads no row
            [(field, ASCENDING) for field in ("role", "status", "campus_id", "first_login_at")],
            name="counts",
        ),
    ],
    LOGIN_IDENTIFIERS: [IndexModel("user_id", name="user")],
    SESSIONS: [
        IndexModel(
            [("user_id", ASCENDING), ("revoked_at", ASCENDING), ("created_at", ASCENDING)], name="user"
        ),
        IndexModel("expires_at", name="expiry", expireAfterSeconds=0),
    ],
    ONE_TIME_LINKS: [
        IndexModel([("user_id", ASCENDING), ("purpose", ASCENDING)], name="user"),
        IndexModel("expires_at", name="expiry", expireAfterSeconds=LINK_KEPT_SECONDS),
    ],
    LOGIN_THROTTLE: [
        IndexModel("account", name="account", sparse=True),
        IndexModel("expires_at", name="expiry", expireAfterSeconds=0),
    ],
}
