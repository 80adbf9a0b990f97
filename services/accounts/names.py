"""What people type to name themselves: username, mobile number, and the email address of staff."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from config.permissions import Role
from services.accounts.documents import LoginIdentifier, User
from services.accounts.identifier_repository import FormTaken
from services.accounts.repository import AccountRepositories
from utils.identifiers import NotAllowed, identifier_forms, login_forms, mobile_of
from utils.problems import Conflict, Invalid
from utils.scope import Scope

LOGIN: Final = Scope.unscoped("login")


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made. Everything is in normal form; ``mobile_number`` is E.164 with its plus."""

    id: str
    username: str
    role: Role
    name: str
    email: str | None = None
    mobile_number: str | None = None
    campus_id: str | None = None
    course_ids: tuple[str, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)


class IdentifierTaken(Conflict):
    """Somebody on this platform already uses this username, mobile number or email address; ``errors`` names
    the field. Whose it is, is not told."""

    title = "It is already in use"

    def __init__(self, account_id: str, field_name: str) -> None:
        self.account_id, self.field = account_id, field_name  # the account that could not have it
        super().__init__(errors=[{"pointer": f"/{field_name}", "detail": "is already in use"}])

    @classmethod
    def slug(cls) -> str:
        """Return the name that the API promises."""
        return "already-in-use"


class LoginNames:
    """Reserves names, and finds people by them. ``country`` is that of mobile numbers without a code."""

    def __init__(self, stored: AccountRepositories, country: str) -> None:
        self._stored, self._country = stored, country

    def forms(self, account: NewAccount | User) -> dict[str, str]:
        """Return every form that an account reserves, with the field it comes from.

        A student's email address is none: families share them.
        """
        reserved = dict.fromkeys(identifier_forms(account.username, self._country), "username")
        if account.mobile_number:
            reserved.setdefault(account.mobile_number.removeprefix("+"), "mobile_number")
        if account.email and account.role is not Role.STUDENT:
            reserved.setdefault(account.email, "email")
        return reserved

    def owners(self, forms: Sequence[str]) -> dict[str, str]:
        """Return who has which of these forms."""
        return self._stored.identifiers.owners(forms)

    def reserve(self, accounts: Sequence[NewAccount | User]) -> None:
        """Reserve every form of these accounts; raise IdentifierTaken if somebody has one."""
        wanted = [
            (account.id, form, name) for account in accounts for form, name in self.forms(account).items()
        ]
        self._add(wanted)

    def move(self, old: User, new: User) -> None:
        """Give up the forms that only ``old`` had, reserve those that only ``new`` has."""
        before, after = self.forms(old), self.forms(new)
        if gone := [form for form in before if form not in after]:
            self._stored.identifiers.remove(old.id, gone)
        self._add([(new.id, form, name) for form, name in after.items() if form not in before])

    def find(self, typed: str) -> User | None:
        """Return who is meant by what somebody typed into a login; the same reads whoever it is.

        An address that several people share names nobody.
        """
        forms = login_forms(typed, self._country)
        owners = self._stored.identifiers.owners(forms)
        user_id = next((owners[form] for form in forms if form in owners), "")
        user = self._stored.users.find(LOGIN, user_id)
        if (email := next((form for form in forms if "@" in form), None)) is None:
            return user
        by_email = self._stored.users.only_one_with_email(LOGIN, email)
        return user or by_email

    def shares_email(self, user: User) -> bool:
        """Tell whether somebody else has this person's address, too."""
        return user.email is not None and self._stored.users.only_one_with_email(LOGIN, user.email) is None

    def throttle_key(self, typed: str, user: User | None) -> str:
        """Return what failed tries are counted under: the person, or the normal form of nobody's name."""
        if user is not None:
            return self.key_of(user.id)
        forms = login_forms(typed, self._country)
        number = next((form for form in forms if form.isdecimal() and len(form) > 10), None)
        return f"form:{number or next(iter(forms), typed.strip().casefold()[:100])}"

    @staticmethod
    def key_of(user_id: str) -> str:
        """Return what failed tries on an account are counted under."""
        return f"user:{user_id}"

    def mobile(self, text: str | None) -> str | None:
        """Return a mobile number in normal form; raise Invalid for the field ``mobile_number``."""
        try:
            return mobile_of(text, self._country) if text is not None else None
        except NotAllowed as fault:
            raise Invalid.field("mobile_number", str(fault)) from None

    def _add(self, wanted: Sequence[tuple[str, str, str]]) -> None:
        rows = [LoginIdentifier(id=form, user_id=user_id) for user_id, form, _ in wanted]
        try:
            self._stored.identifiers.add_many(rows)
        except FormTaken as taken:
            user_id, _, name = wanted[taken.index]
            raise IdentifierTaken(user_id, name) from None
