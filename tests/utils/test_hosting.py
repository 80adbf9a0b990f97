"""Where we run, and how many cores and how much memory control groups leave us, on made-up trees."""

import math
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from utils.hosting import MIB, Memory, Platform, graceful_seconds, memory, platform, processors


def tree(folder: Path, own: str, files: Mapping[str, str]) -> tuple[Path, Path]:
    """Return the root of a made-up tree of control groups, and the file that says where we are in it."""
    for name, text in files.items():
        (folder / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup" / name).write_text(f"{text}\n")
    (folder / "own").write_text(own)
    return folder / "cgroup", folder / "own"


V1 = "9:memory:/box\n4:cpu,cpuacct:/box\n"
CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, Platform.PLAIN),
        ({"DYNO": "web.1"}, Platform.HEROKU),
        ({"RENDER": "true", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, Platform.RENDER),
        ({"RAILWAY_ENVIRONMENT_ID": "x"}, Platform.RAILWAY),
        ({"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4"}, Platform.AWS),
        ({"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}, Platform.AWS),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, Platform.KUBERNETES),
        ({"DYNO": ""}, Platform.PLAIN),
    ],
)
def test_platform_is_told_by_its_variables(environment: dict[str, str], found: Platform) -> None:
    assert platform(environment) is found
    assert graceful_seconds(environment) == (30 if found is Platform.PLAIN else 25)


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "50000 100000"}, 0.5),
        ("0::/\n", {"cpu.max": "max 100000"}, math.inf),
        ("0::/a/b\n", {"a/cpu.max": "25000 100000", "a/b/cpu.max": "max 100000"}, 0.25),
        (V1, {"cpu/box/cpu.cfs_quota_us": "50000", "cpu/box/cpu.cfs_period_us": "100000"}, 0.5),
        ("4:cpu:/box\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ("", {"cpu.max": "10000 100000"}, 0.1),
        ("0::/\n", {}, math.inf),
    ],
)
def test_cores_are_what_the_quotas_above_us_leave(
    tmp_path: Path, own: str, files: dict[str, str], cores: float
) -> None:
    assert processors(*tree(tmp_path, own, files)) == min(CORES, cores)


def test_memory_is_what_the_tightest_group_allows_and_used_is_what_cannot_be_dropped(tmp_path: Path) -> None:
    files = {
        "memory.max": "max",
        "a/memory.max": str(512 * MIB),
        "a/memory.current": str(400 * MIB),
        "a/memory.stat": f"anon {300 * MIB}\ninactive_file {90 * MIB}",
        "a/b/memory.max": str(1024 * MIB),
    }
    root, own = tree(tmp_path, "0::/a/b\n", files)

    found = memory(0, root, own)

    assert found == Memory(512 * MIB, root / "a")
    assert found.used(ours=1) == 310 * MIB


def test_memory_of_the_first_version_of_control_groups(tmp_path: Path) -> None:
    files = {
        "memory/box/memory.limit_in_bytes": str(256 * MIB),
        "memory/box/memory.usage_in_bytes": str(200 * MIB),
        "memory/box/memory.stat": f"inactive_file 5\ntotal_inactive_file {50 * MIB}",
    }

    found = memory(0, *tree(tmp_path, V1, files))

    assert (found.limit, found.used(ours=1)) == (256 * MIB, 150 * MIB)


def test_without_a_group_our_own_processes_count_against_the_machine_or_a_setting(tmp_path: Path) -> None:
    machine = memory(0, *tree(tmp_path, "0::/\n", {}))
    told = memory(64, *tree(tmp_path, "0::/\n", {}))

    assert (machine.group, machine.used(ours=7)) == (None, 7)
    assert machine.limit > 100 * MIB
    assert (told.limit, told.used(ours=7)) == (64 * MIB, 7)
