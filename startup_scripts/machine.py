"""Whether this machine can run the server. Old Pythons must be able to read this file: it tells them so."""

from __future__ import annotations

import platform
import sys
from typing import NamedTuple

OLDEST_PYTHON = (3, 11)


class Machine(NamedTuple):
    system: str
    processor: str
    python: tuple[int, ...]

    @property
    def runs_wheels(self) -> bool:
        """Whether the MongoDB and Redis that come as Python packages run here."""
        return self.system == "Linux" and self.processor in ("x86_64", "AMD64")


def this_machine() -> Machine:
    """Return what this process runs on."""
    return Machine(platform.system(), platform.machine(), tuple(sys.version_info[:3]))


def refusal(machine: Machine) -> str:
    """Return why nothing can start here, in one sentence that says what to do; empty when it can."""
    if machine.python < OLDEST_PYTHON:
        found, oldest = ".".join(map(str, machine.python)), ".".join(map(str, OLDEST_PYTHON))
        return f"This is Python {found}; {oldest} or newer is needed. Install it, then run: make install"
    if machine.system != "Linux":
        return f"This is {machine.system or 'an unknown system'}; Linux is needed. A Linux container will do."
    return ""
