"""The time zones and countries that there are, from the pinned copy of the IANA database."""

from functools import cache
from importlib.resources import files
from typing import Final

NO_PLACE: Final = frozenset({"Factory"})  # what a clock says that nobody has set


@cache
def zones() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split()) - NO_PLACE


@cache
def countries() -> frozenset[str]:
    """Return the two-letter codes of ISO 3166."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    return frozenset(line.partition("\t")[0] for line in table.splitlines() if not line.startswith("#"))
