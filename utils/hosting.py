"""Where we run and how much of it is ours: platform, cores, memory.

``gunicorn.conf.py`` reads this in gunicorn's own process: standard library only, and nothing of ours.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024
ROOT: Final = Path("/sys/fs/cgroup")
OWN: Final = Path("/proc/self/cgroup")


class Platform(StrEnum):
    """Who runs the machine. What is known of each is used for defaults only."""

    HEROKU = "heroku"
    RENDER = "render"
    RAILWAY = "railway"
    AWS = "aws"
    KUBERNETES = "kubernetes"
    PLAIN = "plain"


# variables that each platform sets; in this order, for some of them run on Kubernetes
SIGNS: Final[Mapping[Platform, tuple[str, ...]]] = {
    Platform.HEROKU: ("DYNO",),
    Platform.RENDER: ("RENDER",),
    Platform.RAILWAY: ("RAILWAY_ENVIRONMENT_ID", "RAILWAY_ENVIRONMENT"),
    Platform.AWS: ("ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI", "AWS_EXECUTION_ENV"),
    Platform.KUBERNETES: ("KUBERNETES_SERVICE_HOST",),
}
PLAIN_GRACE: Final = 30
PLATFORM_GRACE: Final = 25  # each of them kills 30 s after it has asked to stop


def platform(environment: Mapping[str, str]) -> Platform:
    """Return who runs the machine, by the variables that they set."""
    found = (name for name, signs in SIGNS.items() if any(environment.get(sign) for sign in signs))
    return next(found, Platform.PLAIN)


def graceful_seconds(environment: Mapping[str, str]) -> int:
    """Return how long we may take to stop before the platform kills us."""
    return PLAIN_GRACE if platform(environment) is Platform.PLAIN else PLATFORM_GRACE


def control_groups(controller: str, root: Path = ROOT, own: Path = OWN) -> list[Path]:
    """Return the folders that may limit this process, its own first, in version 1 or 2 of control groups."""
    for line in _words(own):
        _, names, inside = line.split(":", 2)
        if names == "" or controller in names.split(","):
            folder = root / (controller if names else "") / inside.lstrip("/")
            return [folder, *(above for above in folder.parents if above.is_relative_to(root))]
    return [root]


def processors(root: Path = ROOT, own: Path = OWN) -> float:
    """Return how many cores we may use at once: those of the machine, or less where a quota says so."""
    return min(len(os.sched_getaffinity(0)), *map(_quota, control_groups("cpu", root, own)))


@dataclass(frozen=True, slots=True)
class Memory:
    """How much memory is ours in bytes, and the control group that says so, if one does."""

    limit: int
    group: Path | None = None

    def used(self, ours: int) -> int:
        """Return what counts towards the limit; ``ours`` is what our processes hold together.

        A group counts the pages of files too; those that may be dropped at any moment press nobody.
        """
        if self.group is None:
            return ours
        held = _number(self.group / "memory.current") or _number(self.group / "memory.usage_in_bytes")
        names = ("inactive_file", "total_inactive_file")
        stat = dict(_pairs(_words(self.group / "memory.stat")))
        return held - int(stat.get(names[1]) or stat.get(names[0]) or 0) if held else ours


def memory(most_mib: int = 0, root: Path = ROOT, own: Path = OWN) -> Memory:
    """Return the least of the machine's memory, what control groups allow, and ``most_mib`` if given."""
    found = [Memory(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))]
    for group in control_groups("memory", root, own):
        if limit := _number(group / "memory.max") or _number(group / "memory.limit_in_bytes"):
            found.append(Memory(limit, group))
    if most_mib:
        found.append(Memory(most_mib * MIB))
    return min(found, key=lambda one: one.limit)


@dataclass(frozen=True, slots=True)
class Hosting:
    """What gunicorn's side knows and the application needs to look after the workers of one server.

    ``arbiter`` is the process that starts and replaces workers; there are ``fewest`` to ``most`` of them.
    ``in_flight`` counts the connections of this worker that a thread serves or that wait for one.
    """

    platform: Platform
    memory: Memory
    arbiter: int
    fewest: int
    most: int
    in_flight: Callable[[], int]


def _quota(folder: Path) -> float:
    """Return how many cores a control group may use at once; infinity where it does not say."""
    words = _words(folder / "cpu.max")
    words = words or _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0].isdigit() else math.inf


def _words(path: Path) -> list[str]:
    """Return the words of a small file; nothing where it cannot be read."""
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []


def _number(path: Path) -> int:
    """Return the number that a file holds; 0 where it holds none."""
    words = _words(path)
    return int(words[0]) if words and words[0].isdigit() else 0


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    return zip(words[::2], words[1::2], strict=False)
