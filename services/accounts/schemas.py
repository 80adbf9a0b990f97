"""What clients send and see of accounts. Nothing here has a field for a hash or a stored secret."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from config.permissions import Permission, Role
from services.accounts.documents import User, UserStatus
from services.accounts.principals import permissions_of
from utils.identifiers import email_of, name_of, username_of
from utils.paging import PageQuery

LONGEST_SECRET = 1000

Name = Annotated[str, AfterValidator(name_of), Field(max_length=1000)]
Username = Annotated[str, AfterValidator(username_of), Field(max_length=200)]
Email = Annotated[str, AfterValidator(email_of), Field(max_length=320)]
Mobile = Annotated[str, Field(max_length=40)]
RowId = Annotated[str, Field(max_length=64)]
Typed = Annotated[str, Field(min_length=1, max_length=320)]
Secret = Annotated[str, Field(min_length=1, max_length=LONGEST_SECRET, repr=False)]
Token = Annotated[str, Field(min_length=1, max_length=200, repr=False)]


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LoginIn(Input):
    """``username`` may also be a mobile number or an email address that names one person."""

    username: Typed
    password: Secret


class RefreshIn(Input):
    refresh_token: Token


class ProofIn(Input):
    password: Secret


class PasswordChangeIn(Input):
    current_password: Secret
    new_password: Secret


class ForgottenIn(Input):
    username: Typed


class LinkPasswordIn(Input):
    """``token`` is that of a one-time link."""

    token: Token
    new_password: Secret


class AccountOut(BaseModel):
    """The person who logged in."""

    id: str
    username: str
    name: str
    role: Role
    campus_id: str | None
    course_ids: tuple[str, ...]
    must_change_password: bool

    @classmethod
    def of(cls, user: User) -> Self:
        """Show an account to its owner."""
        return cls.model_validate(user, from_attributes=True)


class MeOut(AccountOut):
    """The own account, with what it may do now."""

    email: str | None
    mobile_number: str | None
    permissions: tuple[Permission, ...]
    last_login_at: datetime | None

    @classmethod
    def of(cls, user: User) -> Self:
        """Show an account to its owner."""
        plain = user.model_dump(include=set(cls.model_fields) - {"permissions"})
        return cls(**plain, permissions=tuple(sorted(permissions_of(user))))


class TokensOut(BaseModel):
    """``expires_in`` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 -- the name of a scheme
    expires_in: int


class LoginOut(TokensOut):
    user: AccountOut


class AdminCreate(Input):
    """A new admin. Superadmins and sub-superadmins have no campus; a course admin has courses of one campus.

    ``permissions`` gives a sub-superadmin ``none``, ``read`` or ``write`` per module.
    """

    role: Role
    name: Name
    username: Username
    email: Email
    mobile_number: Mobile | None = None
    campus_id: RowId | None = None
    course_ids: list[RowId] = Field(default_factory=list, max_length=200)
    permissions: dict[str, Literal["none", "read", "write"]] = Field(default_factory=dict, max_length=50)

    @field_validator("permissions")
    @classmethod
    def _known_modules(cls, given: dict[str, str]) -> dict[str, str]:
        known = {permission.module for permission in Permission}
        if unknown := sorted(given.keys() - known):
            raise ValueError(f"{unknown[0][:40]} is no module; there are {', '.join(sorted(known))}")
        return given


class AdminUpdate(Input):
    """What is given is changed; only ``mobile_number`` may be null, which removes it."""

    name: Name | None = None
    email: Email | None = None
    mobile_number: Mobile | None = None
    course_ids: list[RowId] | None = Field(None, max_length=200)

    @field_validator("name", "email", "course_ids")
    @classmethod
    def _not_null(cls, given: Any) -> Any:
        if given is None:
            raise ValueError("may not be null; leave it out to keep what there is")
        return given


class AdminQuery(PageQuery):
    """``sort`` is ``name`` or ``-name``."""

    role: Role | None = None
    campus_id: RowId | None = None
    status: UserStatus | None = None


class AdminOut(BaseModel):
    """An admin as other admins see them."""

    id: str
    username: str
    role: Role
    status: UserStatus
    name: str
    email: str | None
    mobile_number: str | None
    campus_id: str | None
    course_ids: tuple[str, ...]
    permissions: dict[str, str] = Field(description="a sub-superadmin's access per module")
    revision: int
    created_at: datetime
    updated_at: datetime
    last_login_at: datetime | None

    @classmethod
    def of(cls, user: User) -> Self:
        """Show a stored account."""
        plain = user.model_dump(include=set(cls.model_fields) - {"permissions"})
        return cls(**plain, permissions=user.modules)
