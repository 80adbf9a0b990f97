"""A name for the device behind a login, for people: what its browser says of itself, made short."""

from collections.abc import Sequence
from typing import Final

LONGEST: Final = 40
UNKNOWN: Final = "Unknown device"
# First match wins: browsers name their ancestors too, and phones name the systems that theirs descends from
BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def device_name(user_agent: str) -> str:
    """Return ``Chrome on Windows`` or the like; of a script the name of its client."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    client = user_agent.partition("/")[0].strip()[:LONGEST]
    return browser or system or client or UNKNOWN


def plain_name(user_agent: str) -> str:
    """Return the same in words of ours alone, for a message: what a script says of itself may be anything."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    return f"{browser or 'a program'} on {system}" if system else browser or "a program"


def _first(marks: Sequence[tuple[str, str]], user_agent: str) -> str:
    return next((name for mark, name in marks if mark in user_agent), "")
