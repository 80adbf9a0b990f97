"""Loaded by a Python whose clock is faked: there ``time.sleep`` fails, for it sleeps until an absolute time
that libfaketime shifts by mistake. This one sleeps for as long, by another system call.
"""

import select
import time


def _sleep(seconds: float, /) -> None:
    select.select([], [], [], seconds)


setattr(time, "sleep", _sleep)  # noqa: B010 -- said so, types do not match by a hair
