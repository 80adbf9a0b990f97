"""The throttle on everything that checks a secret: a place is reserved before the check, in MongoDB."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
from typing import Final

from services.accounts.throttle_repository import (
    MOST_WELCOME,
    Found,
    Lane,
    Limit,
    ThrottleRepository,
    failed,
    released,
)
from utils.problems import Problem, TooMany
from utils.store import Change, Query

# An account from one network, or on one device that its owner is known to use
OWN: Final = Limit(free=5, longest=900, forget_one=900, at_once=5, stops_at=100)
# An account from all networks where it is not at home. One network cannot fill it: only its free tries count
WIDE: Final = Limit(free=6, longest=60, forget_one=60, at_once=10)
NETWORK: Final = Limit(free=100, longest=60, forget_one=6, at_once=300)
EVERYWHERE: Final = Limit(free=600, longest=1, forget_one=1, at_once=1)
PRESSED: Final = replace(OWN, free=1)
BESIEGED: Final = replace(NETWORK, free=10)
FORGOTTEN: Final = Limit(free=3, longest=900, forget_one=1200, at_once=3)
FORGETFUL_NETWORK: Final = Limit(free=100, longest=60, forget_one=6, at_once=100)

NOTICE: Final = Limit(free=3, longest=4 * 3600, forget_one=4 * 3600, at_once=3)


class TooManyAttempts(TooMany):
    """Too many wrong tries for this account or from this network. Wait for ``Retry-After`` seconds; if it
    never ends, set a new password by link (``POST /auth/forgot_password``) or ask an administrator to unlock
    the account."""

    title = "Too many attempts"


@dataclass(frozen=True, slots=True)
class _Try:
    """One try and its lanes, and how it found them."""

    id: str
    network: Lane
    own: Lane | None = None
    wide: Lane | None = None
    person: str | None = None
    known: bool = False  # on a device of the account's owner
    found: dict[str, Found] | None = None

    @property
    def lanes(self) -> list[Lane]:
        """The lanes in which it asks for a place."""
        if self.known:
            return [self.own] if self.own else []
        return [lane for lane in (self.own, self.wide, self.network) if lane is not None]

    def seen(self, lane: Lane | None) -> Found:
        """Return how a lane was found."""
        nothing = Found(held=False, wait=1.0, failures=0, welcome=frozenset())
        return (self.found or {}).get(lane.key, nothing) if lane else nothing

    @property
    def at_home(self) -> bool:
        """Whether this person, or several people, have come in from this network lately."""
        welcome = self.seen(self.network).welcome
        return self.person in welcome or len(welcome) >= MOST_WELCOME

    @property
    def wait(self) -> float:
        """Seconds to wait, 0 if it may go on: where one is at home nobody else's failures stop it."""
        asked = [self.own] if self.known or self.at_home else self.lanes
        missed = [self.seen(lane) for lane in asked if lane is not None]
        return max((lane.wait for lane in missed if not lane.held), default=0.0)


class LoginThrottle:
    """Slows guessing down: per account and network, account, network, and everywhere. See ADR 28."""

    def __init__(self, tries: ThrottleRepository) -> None:
        self._tries = tries

    @contextmanager
    def guarding(
        self,
        account: str | None,
        address: str,
        wrong: type[Problem],
        *,
        device: str | None = None,
        clears: bool = True,
    ) -> Iterator[None]:
        """Hold a place while a secret is checked; raise TooManyAttempts when there is none.

        Leaving by ``wrong`` counts as a failed try, by another exception as none; leaving well clears the
        account where it was tried, but not elsewhere, nor the network, where somebody else may be guessing.
        ``device``: one that the account's owner is known to use; only its own failures stop it. ``clears``:
        False where leaving well proves too little to clear anything.
        """
        it = self._reserved(_try(account, address, device))
        if it.wait:
            self._give_back(it)
            raise TooManyAttempts(retry_after=it.wait)
        try:
            yield
        except wrong:
            self._tries.settle(_failures(it))
            raise
        except BaseException:
            self._give_back(it)
            raise
        if clears:
            self._let_in(it)
        else:
            self._give_back(it)

    def unlock(self, account: str) -> None:
        """Forget the failed tries of an account, everywhere."""
        self._tries.remove(_key("account", account))

    def welcome(self, account: str, address: str) -> None:
        """Let an account be at home where its owner has just proved who they are."""
        here = Lane(_key("network", _network(address)), NETWORK)
        self._tries.settle([released(here, "", welcome=_key("person", account))])

    def admits_request(self, account: str, address: str) -> bool:
        """Count a request for a message; tell whether this account may get one more now.

        Raises TooManyAttempts for a network that asks too often, whomever it asks for.
        """
        try_id = secrets.token_hex(8)
        here = Lane(_key("asks", _network(address)), FORGETFUL_NETWORK)
        there = Lane(_key("asked", account), FORGOTTEN)
        found = self._tries.reserve([here, there], try_id)
        if not found[here.key].held:
            self._tries.settle([released(there, try_id)])
            raise TooManyAttempts(retry_after=found[here.key].wait)
        admitted = found[there.key].held
        self._tries.settle([failed(lane, try_id) for lane in ((here, there) if admitted else (here,))])
        return admitted

    def admits_message(self, account: str) -> bool:
        """Count a message that was asked for; tell whether this account may get one more now."""
        return self._admits(Lane(_key("answered", account), FORGOTTEN))

    def admits_notice(self, what: str) -> bool:
        """Count a message that somebody gets unasked; tell whether they may get one more of its kind now."""
        return self._admits(Lane(_key("notice", what), NOTICE))

    def _admits(self, lane: Lane) -> bool:
        try_id = secrets.token_hex(8)
        if not self._tries.reserve([lane], try_id)[lane.key].held:
            return False
        self._tries.settle([failed(lane, try_id)])
        return True

    def _reserved(self, it: _Try) -> _Try:
        found = self._tries.reserve(it.lanes, it.id, None if it.known else _EVERYWHERE.key)
        return replace(it, found=found)

    def _give_back(self, it: _Try) -> None:
        if held := [lane for lane in it.lanes if it.seen(lane).held]:
            self._tries.settle([released(lane, it.id) for lane in held])

    def _let_in(self, it: _Try) -> None:
        ends = [released(it.network, it.id, welcome=it.person)]
        if it.own is not None:
            ends.append(released(it.own, it.id, clear=True))
        if it.wide is not None and it.seen(it.wide).held:
            ends.append(released(it.wide, it.id))
        self._tries.settle(ends)


def _try(account: str | None, address: str, device: str | None) -> _Try:
    try_id, network = secrets.token_hex(8), Lane(_key("network", _network(address)), NETWORK)
    if account is None:
        return _Try(try_id, network)
    whose, person = _key("account", account), _key("person", account)
    if device is not None:
        own = Lane(_key("device", f"{whose}:{device}"), OWN, whose)
        return _Try(try_id, network, own, person=person, known=True)
    own = Lane(_key("here", f"{whose}:{network.key}"), OWN, whose)
    return _Try(try_id, network, own, Lane(_key("wide", whose), WIDE, whose), person)


def _failures(it: _Try) -> list[tuple[Query, Change]]:
    """Return how a failed try ends in each of its lanes, by the limits that hold now."""
    if it.known:
        return [failed(lane, it.id) for lane in it.lanes]
    besieged = it.seen(_EVERYWHERE).failures >= EVERYWHERE.free
    pressed = it.seen(it.network).failures >= NETWORK.free if it.at_home else besieged
    network = replace(it.network, limit=BESIEGED) if besieged and not it.at_home else it.network
    ends = [failed(network, it.id)]
    if it.own is not None:
        ends.append(failed(replace(it.own, limit=PRESSED) if pressed else it.own, it.id))
    if not it.at_home:
        ends.append(failed(_EVERYWHERE, it.id))
    if it.wide is not None:
        new_here = not it.at_home and it.seen(it.own).failures < OWN.free
        ends.append((failed if new_here else released)(it.wide, it.id))
    return ends


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


_EVERYWHERE: Final = Lane(_key("everywhere", ""), EVERYWHERE)
