"""What this process uses of its machine."""

from functools import cache

import psutil


@cache
def _self() -> psutil.Process:
    return psutil.Process()


def memory_figures() -> dict[str, int]:
    """Return bytes: ``rss`` counts shared pages in full, ``pss`` each by its share, so that it adds up."""
    found = _self().memory_full_info()
    return {"rss": found.rss, "pss": found.pss}


def cpu_cores() -> float:
    """Return how many cores were in use since the last call: 1.0 is one core all the time."""
    return round(_self().cpu_percent() / 100, 3)
