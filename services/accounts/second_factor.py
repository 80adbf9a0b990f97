"""The second factor: codes of an authenticator app (TOTP), and recovery codes for when the phone is lost.

The secret is derived from a server key and a nonce, as one-time links are: the database alone gives nobody a
code.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

import pyotp
from pyotp.exceptions import OTPVerificationError

from services.accounts.documents import SecondFactor, User
from services.accounts.repository import UserRepository
from utils.clock import Clock
from utils.problems import Invalid, Unauthorized
from utils.scope import Scope

RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10  # 80 random bits: no hash of them can be searched
PART: Final = 4  # characters between two dashes
SECRET_BYTES: Final = 20
WINDOW: Final = 1  # steps of 30 seconds by which a phone's clock may be off
DIGITS: Final = 6


class SecondFactorRequired(Unauthorized):
    """The password is right, and this account has a second factor: log in again with ``totp``, the code that
    your authenticator app shows now, or one of your recovery codes."""

    title = "A code of your second factor is needed"


class WrongCode(Invalid):
    """The code is not right, or was used before. Wait for the next one of your authenticator app, see that
    the clock of your phone is right, or use one of your recovery codes."""

    title = "The code is wrong"


class SecondFactors:
    """Makes secrets and checks codes; each code works once."""

    def __init__(self, users: UserRepository, token_key: str, product: str, clock: Clock) -> None:
        self._users, self._key, self._product, self._clock = users, token_key.encode(), product, clock

    def totp(self, user: User, factor: SecondFactor) -> pyotp.TOTP:
        """Return the generator of somebody's codes."""
        derived = hmac.digest(self._key, f"totp|{user.id}|{factor.nonce}".encode(), "sha256")[:SECRET_BYTES]
        return pyotp.TOTP(base64.b32encode(derived).decode(), name=user.username, issuer=self._product)

    def step_of(self, user: User, factor: SecondFactor, code: str) -> int | None:
        """Return the step of time whose code this is; None when it is not one of about now."""
        if len(code) != DIGITS or not (code.isascii() and code.isdecimal()):
            return None
        now = self._clock.now()
        try:
            return self.totp(user, factor).verify_and_get_timecode(code, for_time=now, valid_window=WINDOW)
        except OTPVerificationError:
            return None

    def use(self, user: User, typed: str, scope: Scope) -> bool:
        """Use up a code of the app, or a recovery code; of two callers one wins. False: it is not right."""
        factor, code = user.second_factor, normal(typed)
        if factor is None:
            return False
        step = self.step_of(user, factor, code)
        if step is not None:
            return self._users.use_step(scope, user.id, factor.nonce, step)
        return self._users.use_recovery_code(scope, user.id, factor.nonce, hashed(code))


def new_factor() -> SecondFactor:
    """Return a factor that nobody has confirmed yet."""
    return SecondFactor(nonce=secrets.token_hex(16))


def new_recovery_codes() -> list[str]:
    """Return codes for a sheet of paper."""
    drawn = (secrets.token_bytes(RECOVERY_BYTES) for _ in range(RECOVERY_CODES))
    plain = (base64.b32encode(each).decode().lower() for each in drawn)
    return ["-".join(code[at : at + PART] for at in range(0, len(code), PART)) for code in plain]


def normal(typed: str) -> str:
    """Return a code as it is compared: people add spaces, and leave dashes out."""
    return "".join(typed.lower().replace("-", "").split())


def hashed(code: str) -> str:
    """Return what is kept of a recovery code."""
    return hashlib.sha256(normal(code).encode()).hexdigest()
