"""What each message is for and what its texts may name: data that editing, preview and sending all read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.notifications.templates import (
    CREDENTIALS,
    NEW_DEVICE,
    RESET_PASSWORD,
    TEST_NOTIFICATION,
    TEST_REMINDER,
    TOKEN_REUSED,
)

TOKEN_LENGTH: Final = 52  # of a one-time link, so that a sample is as long as the real one


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A name that a text may print.

    ``required``: it must stand in every part. ``brought``: each recipient of a job brings it along
    (``Recipient.params``); the others are known where the message is made. ``link``: a one-time address of
    this server; its sample is the path, and nothing may be glued to it.
    """

    name: str
    meaning: str
    sample: str
    required: bool = False
    brought: bool = False
    link: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """One kind of message."""

    description: str
    placeholders: tuple[Placeholder, ...]

    def named(self) -> Mapping[str, Placeholder]:
        """Return the placeholders by name."""
        return {placeholder.name: placeholder for placeholder in self.placeholders}


_PRODUCT: Final = Placeholder("product_name", "what this platform is called", "")  # the setting is its sample
_NAME: Final = Placeholder("name", "the recipient's name", "Asha Rao")
_USERNAME: Final = Placeholder("username", "what the recipient logs in with", "21/CS/045", brought=True)
_WHEN: Final = Placeholder("when", "when it happened", "26 November 2026, 21:47 UTC", brought=True)
_DEVICE: Final = Placeholder("device", "the program and system", "Firefox on Windows", brought=True)

_TEST: Final = (
    Placeholder("test", "what the test is called", "Spring exam", brought=True),
    Placeholder(
        "when",
        "when it can be begun",
        "from 27 November 2026, 10:00 to 28 November 2026, 18:00 (Asia/Kolkata)",
        brought=True,
    ),
    Placeholder("minutes", "how long it takes", "90", brought=True),
)


def _link(meaning: str, page: str) -> Placeholder:
    return Placeholder("link", meaning, f"/{page}?token={'x' * TOKEN_LENGTH}", required=True, link=True)


CATALOGUE: Final[Mapping[str, Declared]] = {
    CREDENTIALS: Declared(
        "The first message to a new account: how to set a password.",
        (
            _PRODUCT,
            _NAME,
            Placeholder(
                "username", "what the recipient logs in with", "21/CS/045", required=True, brought=True
            ),
            _link("the one-time address at which the first password is set", "activate"),
            Placeholder("valid_hours", "for how many hours the link works", "72"),
        ),
    ),
    RESET_PASSWORD: Declared(
        "The answer to a forgotten password: how to choose a new one.",
        (
            _PRODUCT,
            _NAME,
            Placeholder("username", "what the recipient logs in with", "21/CS/045", brought=True),
            _link("the one-time address at which the new password is chosen", "reset"),
            Placeholder("valid_minutes", "for how many minutes the link works", "30"),
        ),
    ),
    NEW_DEVICE: Declared(
        "Somebody logged in on a device that was not used for the account before.",
        (_PRODUCT, _NAME, _USERNAME, _WHEN, _DEVICE),
    ),
    TOKEN_REUSED: Declared(
        "A refresh token was used a second time, and its session was ended.",
        (_PRODUCT, _NAME, _USERNAME, _WHEN, _DEVICE),
    ),
    TEST_NOTIFICATION: Declared("A test that the recipient is to take.", (_PRODUCT, _NAME, *_TEST)),
    TEST_REMINDER: Declared("A test that the recipient has not begun.", (_PRODUCT, _NAME, *_TEST)),
}
