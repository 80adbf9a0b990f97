"""What clients send and see of accounts. Nothing here has a field for a hash or a stored secret."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from config.features import FEATURES, Feature
from config.modules import TEMPLATES, Access, Module, Template
from config.permissions import Permission, Role
from models import Actor
from services.accounts.devices import device_name
from services.accounts.documents import SessionRow, User, UserStatus
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
Code = Annotated[str, Field(min_length=1, max_length=40)]
Token = Annotated[str, Field(min_length=1, max_length=200)]


def _known_modules(given: dict[str, str]) -> dict[str, str]:
    if unknown := sorted(given.keys() - set(Module)):
        raise ValueError(f"{unknown[0][:40]} is no module; there are {', '.join(Module)}")
    return given


NAMED: Final = frozenset(Template) - {Template.CUSTOM}
ModuleAccess = Annotated[dict[str, Access], AfterValidator(_known_modules), Field(max_length=50)]


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LoginIn(Input):
    """``username`` may also be a mobile number or an email address that names one person.

    ``totp``: a code of the second factor, or a recovery code, for whoever has one. ``cookie``: a browser asks
    to get the refresh token as a cookie, and not in the reply.
    """

    username: Typed
    password: Secret
    totp: Code | None = Field(None, repr=False)
    cookie: bool = False


class RefreshIn(Input):
    """Without ``refresh_token`` the cookie counts, where one was asked for at the login."""

    refresh_token: Token | None = Field(None, repr=False)


class ProofIn(Input):
    """``code`` is one of the second factor, for whoever has one."""

    password: Secret
    code: Code | None = Field(None, repr=False)


class CodeIn(Input):
    """``code`` is what the authenticator app shows, or a recovery code where one is taken."""

    code: Code = Field(repr=False)


class PasswordChangeIn(Input):
    """``code`` is one of the second factor, for whoever has one."""

    current_password: Secret
    new_password: Secret
    code: Code | None = Field(None, repr=False)


class ForgottenIn(Input):
    username: Typed


class LinkPasswordIn(Input):
    """``token`` is that of a one-time link."""

    token: Token = Field(repr=False)
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
    permissions: tuple[Permission, ...] = Field(description="without those of features that are off")
    features: tuple[Feature, ...] = Field(description="what is switched on for the role")
    last_login_at: datetime | None
    has_second_factor: bool

    @classmethod
    def seen(cls, user: User, actor: Actor) -> Self:
        """Show an account to its owner."""
        computed = {"permissions", "features", "has_second_factor"}
        plain = user.model_dump(include=set(cls.model_fields) - computed)
        usable = (one for one in permissions_of(user) if actor.switched_off(one) is None)
        features = FEATURES[user.role] - actor.off
        return cls(
            **plain,
            permissions=tuple(sorted(usable)),
            features=tuple(sorted(features)),
            has_second_factor=user.has_second_factor,
        )


class TokensOut(BaseModel):
    """``expires_in`` is the access token's life in seconds.

    ``refresh_token`` is left out where a cookie holds it.
    """

    access_token: str
    refresh_token: str | None = Field(None, exclude_if=lambda token: token is None)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 -- the name of a scheme
    expires_in: int


class LoginOut(TokensOut):
    """``device_token``: by it this device is known from now on. Send it along (``X-Device-Token``) when you
    log in or give your password again; null when it is known already. Browsers keep it in a cookie."""

    user: AccountOut
    device_token: str | None = Field(None, repr=False)


class FactorBegunOut(BaseModel):
    """What an authenticator app needs: typed in, opened on the phone itself, or read off a screen."""

    secret: str
    uri: str
    qr_svg: str


class RecoveryCodesOut(BaseModel):
    """Each lets its owner in once, in place of a code of the app."""

    recovery_codes: list[str]


class EndSessionsQuery(Input):
    """``also_this``: end the session that asks, too."""

    also_this: bool = False


class SessionOut(BaseModel):
    """One login on one device; ``device`` is what its browser says of itself."""

    id: str
    device: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool = Field(description="whether this is the session that asks")

    @classmethod
    def of(cls, row: SessionRow, current: str) -> Self:
        """Show a session to its owner."""
        return cls(
            id=row.id,
            device=device_name(row.user_agent),
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            current=row.id == current,
        )


class AdminCreate(Input):
    """A new admin. Superadmins and sub-superadmins have no campus; a course admin has courses of one campus;
    an evaluator has a campus, or none and marks for the whole platform.

    ``permissions`` gives a sub-superadmin ``none``, ``read`` or ``write`` per module; ``template`` names a
    choice of them instead.
    """

    role: Role
    name: Name
    username: Username
    email: Email
    mobile_number: Mobile | None = None
    campus_id: RowId | None = None
    course_ids: list[RowId] = Field(default_factory=list, max_length=200)
    permissions: ModuleAccess = Field(default_factory=dict)
    template: Template | None = None

    @property
    def modules(self) -> Mapping[str, str]:
        """A sub-superadmin's access per module."""
        named = TEMPLATES[self.template] if self.template else {}
        return {str(module): access for module, access in (named or self.permissions).items()}

    @field_validator("template")
    @classmethod
    def _one_choice(cls, given: Template | None, info: ValidationInfo) -> Template | None:
        if given in NAMED and info.data.get("permissions"):
            raise ValueError("is a choice of permissions by itself: leave one of both out")
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
