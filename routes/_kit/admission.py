"""Who a request is let in as: whoever sends it, if they may do what the route declares, when it is done."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from config.permissions import Permission
from models import Actor
from routes._kit.services import services
from routes._kit.tokens import authenticate
from services.features.switches import require
from utils.problems import Forbidden

LOOK_AGAIN_SECONDS: Final = (
    0.3  # with what is remembered of a person: rights that are gone do nothing after 1 s
)


class Access(StrEnum):
    """What a route says that asks for no permission."""

    PUBLIC = "public"
    SIGNED_IN = "signed-in"
    SIGNATURE = "signature"


class PasswordChangeRequired(Forbidden):
    """Your password was set by somebody else: change it first (``POST /auth/change_password``)."""

    title = "The password has to be changed first"


class SecondFactorSetupRequired(Forbidden):
    """Your role asks for a second factor, and you have none yet: set one up (``POST /auth/totp/begin``, then
    ``POST /auth/totp/confirm``)."""

    title = "A second factor has to be set up first"


class FreshAuthenticationRequired(Forbidden):
    """This is done only by somebody who has just proved who they are. Send your password to
    ``POST /auth/confirm``, or log in again, then repeat the request."""

    title = "Prove first that it is you"


class Conditions(Protocol):
    """What a route asks of whoever asks."""

    @property
    def access(self) -> Permission | Access: ...
    @property
    def proof(self) -> Callable[[], None] | None: ...
    @property
    def before_password_change(self) -> bool: ...
    @property
    def before_second_factor(self) -> bool: ...
    @property
    def fresh(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who was let in (None where that is not asked), and when."""

    actor: Actor | None
    at: float


def admit(asked: Conditions) -> Admitted:
    """Return who asks; raise for whoever may not."""
    if asked.proof is not None:
        asked.proof()
    now = time.monotonic()
    anybody = asked.access in (Access.PUBLIC, Access.SIGNATURE)
    return Admitted(None if anybody else _authorise(asked), now)


def still(admitted: Admitted, asked: Conditions) -> Actor | None:
    """Return who asks once all of the request is here; raise for whoever may no longer.

    A body may take as long as its sender likes: meanwhile rights end.
    """
    if admitted.actor is None or time.monotonic() - admitted.at <= LOOK_AGAIN_SECONDS:
        return admitted.actor
    return _authorise(asked)


def require_fresh(actor: Actor) -> None:
    """Raise FreshAuthenticationRequired for whoever has not proved lately who they are."""
    if not services().authentication.has_just_proved(actor):
        raise FreshAuthenticationRequired()


def _authorise(asked: Conditions) -> Actor:
    actor = authenticate()
    if actor.must_change_password and not asked.before_password_change:
        raise PasswordChangeRequired()
    if actor.must_set_up_second_factor and not asked.before_second_factor:
        raise SecondFactorSetupRequired()
    if isinstance(asked.access, Permission):
        require(actor, asked.access)
    if asked.fresh:
        require_fresh(actor)
    return actor
