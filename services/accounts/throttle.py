"""The throttle on everything that checks a secret: a place is reserved before the check, in MongoDB."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from typing import Final

from services.accounts.access_repository import Limit, ThrottleRepository
from utils.problems import Problem, TooMany

ACCOUNT: Final = Limit(free=5, longest=900, forget_one=900, at_once=10)
ADDRESS: Final = Limit(free=100, longest=60, forget_one=6, at_once=300)
FORGOTTEN: Final = Limit(free=3, longest=900, forget_one=1200, at_once=3)
FORGETFUL_ADDRESS: Final = Limit(free=100, longest=60, forget_one=6, at_once=100)


class TooManyAttempts(TooMany):
    """Too many wrong tries for this account or from this network. Wait for ``Retry-After`` seconds."""

    title = "Too many attempts"


class LoginThrottle:
    """Slows guessing down, per account and per address."""

    def __init__(self, tries: ThrottleRepository) -> None:
        self._tries = tries

    @contextmanager
    def guarding(self, account: str | None, address: str, wrong: type[Problem]) -> Iterator[None]:
        """Hold a place while a secret is checked; raise TooManyAttempts when there is none.

        Leaving by ``wrong`` counts as a failed try, by another exception as none; leaving well clears the
        account, but not the address, where somebody else may be guessing.
        """
        keys = [(_key("address", _network(address)), ADDRESS)]
        if account is not None:
            keys.append((_key("account", account), ACCOUNT))
        try_id = secrets.token_hex(8)
        self._reserve(keys, try_id)
        try:
            yield
        except wrong:
            for key, limit in keys:
                self._tries.fail(key, try_id, limit)
            raise
        except BaseException:
            self._release(keys, try_id)
            raise
        for key, limit in keys:
            self._tries.release(key, try_id, clear=limit is ACCOUNT)

    def forgive(self, account: str) -> None:
        """Forget the failed tries of an account."""
        self._tries.release(_key("account", account), "", clear=True)

    def admits_request(self, account: str, address: str) -> bool:
        """Count a request for a message; tell whether this account may get one more now.

        Raises TooManyAttempts for an address that asks too often, whomever it asks for.
        """
        try_id = secrets.token_hex(8)
        here, there = _key("asks", _network(address)), _key("asked", account)
        if wait := self._tries.reserve(here, try_id, FORGETFUL_ADDRESS):
            raise TooManyAttempts(retry_after=wait)
        self._tries.fail(here, try_id, FORGETFUL_ADDRESS)
        if self._tries.reserve(there, try_id, FORGOTTEN):
            return False
        self._tries.fail(there, try_id, FORGOTTEN)
        return True

    def _reserve(self, keys: Sequence[tuple[str, Limit]], try_id: str) -> None:
        for position, (key, limit) in enumerate(keys):
            if wait := self._tries.reserve(key, try_id, limit):
                self._release(keys[:position], try_id)
                raise TooManyAttempts(retry_after=wait)

    def _release(self, keys: Sequence[tuple[str, Limit]], try_id: str) -> None:
        for key, _ in keys:
            self._tries.release(key, try_id, clear=False)


def _key(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()


def _network(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or int(parsed) >> 64)
