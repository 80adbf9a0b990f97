"""One's own second factor: set up, confirmed with a first code, removed with another."""

from collections.abc import Callable

import segno

from models import Actor
from services.accounts.documents import User
from services.accounts.door import Door
from services.accounts.known_devices import Caller
from services.accounts.repository import UserRepository
from services.accounts.schemas import FactorBegunOut, RecoveryCodesOut
from services.accounts.second_factor import SecondFactors, WrongCode, hashed, new_factor, new_recovery_codes
from services.accounts.sessions import Sessions
from services.audit.service import AuditService
from utils.problems import Conflict, NotFound, Unauthorized
from utils.scope import Scope
from utils.store import Store


class SecondFactorExists(Conflict):
    """You have a second factor. Remove it first (``DELETE /auth/totp``), then set up another one."""

    title = "There is a second factor already"


class SecondFactorNotBegun(Conflict):
    """There is nothing to confirm: begin with ``POST /auth/totp/begin``, and confirm the newest secret that
    you got."""

    title = "No second factor is being set up"


class NoSecondFactor(NotFound):
    """You have no second factor."""

    title = "There is no second factor"


class OwnFactor:
    """Lets people set up, renew and remove their own second factor."""

    def __init__(
        self,
        users: UserRepository,
        store: Store,
        door: Door,
        factors: SecondFactors,
        sessions: Sessions,
        audit: AuditService,
    ) -> None:
        self._users, self._store, self._door = users, store, door
        self._factors, self._sessions, self._audit = factors, sessions, audit

    def begin(self, actor: Actor) -> FactorBegunOut:
        """Return a new secret, for the authenticator app; it counts for nothing until it is confirmed."""
        user, factor = self._user(actor), new_factor()
        if not self._users.begin_factor(_own(actor), user.id, factor):
            raise SecondFactorExists()
        totp = self._factors.totp(user, factor)
        uri = totp.provisioning_uri()
        drawn = segno.make(uri, micro=False).svg_inline(scale=4, light="white")
        return FactorBegunOut(secret=totp.secret, uri=uri, qr_svg=drawn)

    def confirm(self, actor: Actor, code: str, caller: Caller) -> RecoveryCodesOut:
        """Let the factor count from now on, end the actor's other sessions, and return recovery codes."""
        user = self._user(actor)
        factor = user.second_factor
        if factor is None or factor.confirmed_at is not None:
            raise SecondFactorNotBegun()
        with self._door.guarding(user, caller, WrongCode):
            step = self._factors.step_of(user, factor, code)
            if step is None:
                raise WrongCode.field("code", "is not what the app shows now")
        codes = new_recovery_codes()

        def work() -> None:
            if not self._users.confirm_factor(_own(actor), user.id, factor.nonce, step, _hashes(codes)):
                raise SecondFactorNotBegun()
            self._sessions.end_all([user.id], "second factor set up", keep=actor.session_id)
            self._record("second_factor.set_up", user)

        self._store.atomically(work)
        return RecoveryCodesOut(recovery_codes=codes)

    def renew_codes(self, actor: Actor, code: str, caller: Caller) -> RecoveryCodesOut:
        """Return new recovery codes; the old ones end."""
        codes = new_recovery_codes()

        def renew(user: User) -> bool:
            return self._users.renew_recovery_codes(_own(actor), user.id, _hashes(codes))

        self._with_code(actor, code, caller, "second_factor.recovery_codes_renewed", renew)
        return RecoveryCodesOut(recovery_codes=codes)

    def remove(self, actor: Actor, code: str, caller: Caller) -> None:
        """Remove the actor's second factor, with one of its codes."""
        self._with_code(
            actor,
            code,
            caller,
            "second_factor.removed",
            lambda user: self._users.remove_factor(_own(actor), user.id),
        )

    def _with_code(
        self, actor: Actor, code: str, caller: Caller, event: str, change: Callable[[User], bool]
    ) -> None:
        user = self._user(actor)
        if not user.has_second_factor:
            raise NoSecondFactor()
        with self._door.guarding(user, caller, WrongCode):
            if not self._factors.use(user, code, _own(actor)):
                raise WrongCode.field("code", "is neither a code of now nor an unused recovery code")

        def work() -> None:
            if not change(user):
                raise NoSecondFactor()
            self._sessions.rights_changed([user.id])
            self._record(event, user)

        self._store.atomically(work)

    def _user(self, actor: Actor) -> User:
        user = self._users.find(_own(actor), actor.id)
        if user is None:
            raise Unauthorized()
        return user

    def _record(self, event: str, user: User) -> None:
        self._audit.record(event, actor_id=user.id, campus_id=user.campus_id, target=f"user:{user.id}")


def _own(actor: Actor) -> Scope:
    return Scope.own(actor.id, actor.campus_id)


def _hashes(codes: list[str]) -> list[str]:
    return [hashed(code) for code in codes]
