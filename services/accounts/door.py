"""The one place where a password is compared: throttled first, at the same cost for everybody."""

from contextlib import AbstractContextManager

from services.accounts.documents import User, UserStatus
from services.accounts.known_devices import Caller, Device, hash_of, known_token
from services.accounts.names import LOGIN, LoginNames
from services.accounts.passwords import Passwords
from services.accounts.repository import UserRepository
from services.accounts.second_factor import SecondFactorRequired, SecondFactors, WrongCode
from services.accounts.throttle import LoginThrottle
from utils.clock import Clock
from utils.problems import Invalid, Problem, Unauthorized


class LoginFailed(Unauthorized):
    """The name or the password is wrong, or the account cannot be used. Which of them is not told. Try again,
    or ask for a reset link (``POST /auth/forgot_password``)."""

    title = "The username or the password is wrong"

    def __init__(self, account: User | None = None) -> None:
        super().__init__()
        self.account = account  # who was meant, for the audit log alone


class WrongPassword(Invalid):
    """The current password is not right. Try again, or log out and ask for a reset link."""

    title = "The current password is wrong"


class Door:
    """Checks passwords, whichever way they come in."""

    def __init__(
        self,
        users: UserRepository,
        names: LoginNames,
        passwords: Passwords,
        throttle: LoginThrottle,
        factors: SecondFactors,
        clock: Clock,
    ) -> None:
        self._users, self._names, self._passwords, self._throttle = users, names, passwords, throttle
        self._factors, self._clock = factors, clock

    def enter(
        self, username: str, password: str, caller: Caller, code: str | None = None
    ) -> tuple[User, Device]:
        """Return who this is, on which device; raise LoginFailed, TooManyAttempts, or SecondFactorRequired.

        A right password without the code that it needs is neither a failed try nor a good one; a wrong code
        is answered and counted like a wrong password.

        Whatever is wrong, the same is read, hashed and written, so that it takes the same time.
        """
        user = self._names.find(username)
        with self._guarding(username, user, caller, LoginFailed):
            stored = user.password_hash if user and user.status is UserStatus.ACTIVE else None
            if not self._passwords.matches(stored, password) or user is None or stored is None:
                raise LoginFailed(user)
            if user.has_second_factor:
                if code is None:
                    raise SecondFactorRequired()
                if not self._factors.use(user, code, LOGIN):
                    raise LoginFailed(user)
        if self._passwords.outdated(stored):
            self._users.rehash(LOGIN, user.id, stored, self._passwords.hash(password))
        return user, Device.of(user, caller, self._clock.now())

    def device(self, user: User | None, caller: Caller) -> str | None:
        """Return which known device of this person's the caller uses, as its hash."""
        token = known_token(user, caller.device_tokens, self._clock.now())
        return None if token is None else hash_of(token)

    def unlock(self, user: User) -> None:
        """Let somebody who has just proved who they are log in without waiting."""
        self._throttle.unlock(self._names.throttle_key("", user))

    def welcome(self, user: User, address: str) -> None:
        """Remember that somebody has proved here who they are."""
        self._throttle.welcome(self._names.throttle_key("", user), address)

    def prove(
        self, user: User, password: str, code: str | None, caller: Caller, *, field: str = "password"
    ) -> None:
        """Raise WrongPassword or WrongCode unless this is all that a login would ask for; counts like one.

        ``field``: where the client has put the password.
        """
        if user.has_second_factor and code is None:
            raise WrongCode.field("code", "is needed: you have a second factor")
        with self._guarding("", user, caller, Invalid):
            if not self._passwords.matches(user.password_hash, password):
                raise WrongPassword.field(field, "is not your password")
            if user.has_second_factor and not self._factors.use(user, code or "", LOGIN):
                raise WrongCode.field("code", "is neither a code of now nor an unused recovery code")

    def guarding(self, user: User, caller: Caller, wrong: type[Problem]) -> AbstractContextManager[None]:
        """Hold a place while a code is checked; leaving by ``wrong`` counts as a failed login.

        A right code alone is half of a proof, as a right password is: it clears nothing.
        """
        return self._guarding("", user, caller, wrong, clears=False)

    def _guarding(
        self, typed: str, user: User | None, caller: Caller, wrong: type[Problem], *, clears: bool = True
    ) -> AbstractContextManager[None]:
        """Hold a place for a check: on a device that the account knows, one that no stranger can take."""
        account, device = self._names.throttle_key(typed, user), self.device(user, caller)
        return self._throttle.guarding(account, caller.address, wrong, device=device, clears=clears)
