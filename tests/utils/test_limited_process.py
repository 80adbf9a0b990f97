"""A child that may be hostile: what it gets, what it may not, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.waiting import until
from utils import limited_process
from utils.limited_process import ROOT, Crashed, Limits, OutOfMemory, OutOfTime, run_limited

CHILD = "tests.utils.limited_child"
TIGHT = Limits(memory_mb=200, cpu_seconds=1, wall_seconds=120, output_bytes=1_000_000)


def spoken(behave: str = "well", limits: Limits = TIGHT, **request: Any) -> list[Any]:
    with run_limited(CHILD, {"behave": behave, **request}, limits) as lines:
        return [json.loads(line) for line in lines]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("JWT_SECRET_KEY", "do-not-tell")
    return "do-not-tell"


def test_the_child_reads_the_request_and_its_lines_come_back_one_by_one() -> None:
    assert spoken(say="नमस्ते\n")[0]["said"] == "नमस्ते\n"


def test_the_child_gets_no_secret_no_file_of_ours_and_a_group_of_its_own(secret: str) -> None:
    with (ROOT / "pyproject.toml").open() as ours:
        hello, told = spoken("tell_everything")

        assert ours.fileno() > 2
    assert secret not in json.dumps(told)
    assert set(told["environment"]) <= {"LC_ALL", "LC_CTYPE", "PYTHONUTF8"}
    assert len(told["files"]) <= 4  # the three standard ones and the listing itself
    assert told["limits"] == [0, 0]
    assert told["group"] == hello["pid"] != os.getpgid(0)
    assert told["nice"] >= 5


def test_a_child_that_eats_memory_is_stopped() -> None:
    with pytest.raises(OutOfMemory):
        spoken("eat_memory")


def test_a_child_that_computes_without_end_is_stopped() -> None:
    with pytest.raises(OutOfTime, match="computed"):
        spoken("compute")


def test_a_child_that_keeps_us_waiting_is_killed() -> None:
    began = time.monotonic()

    with pytest.raises(OutOfTime, match="took longer"):
        spoken("wait", Limits(wall_seconds=0.5))

    assert time.monotonic() - began < 30  # it would keep us waiting for a minute


def test_our_own_slowness_does_not_count_against_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = [0.0]
    monkeypatch.setattr(
        limited_process, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + slept[0])
    )
    with run_limited(CHILD, {"behave": "tell_everything"}, Limits(wall_seconds=60)) as lines:
        first = next(lines)
        slept[0] += 61
        rest = list(lines)

    assert first
    assert len(rest) == 1


@pytest.mark.parametrize("behave", ["print_without_end", "print_one_endless_line"])
def test_a_child_that_prints_without_end_is_stopped(behave: str) -> None:
    with pytest.raises(Crashed, match="printed"):
        spoken(behave, Limits(output_bytes=3_000_000))


def test_a_child_that_dies_is_told_with_the_end_of_what_it_said() -> None:
    with pytest.raises(Crashed, match="status 3") as crash:
        spoken("complain_and_die")

    assert crash.value.stderr.endswith("the last word")
    assert len(crash.value.stderr) <= 4096
    assert "noise" not in str(crash.value)


def test_a_child_that_is_aborted_leaves_no_core_and_is_told() -> None:
    with pytest.raises(Crashed, match=f"status -{int(signal.SIGABRT)}"):
        spoken("abort")


def test_a_module_that_is_not_there_is_a_crash() -> None:
    with pytest.raises(Crashed), run_limited("tests.utils.nobody", {}, TIGHT) as lines:
        list(lines)


def test_a_child_can_neither_write_files_nor_open_many() -> None:
    assert spoken("write_a_file")[1] == {"refused": True, "why": "File too large"}
    assert spoken("open_many_files")[1] == {"opened": None, "why": "Too many open files"}


def test_leaving_the_block_early_ends_the_child() -> None:
    with run_limited(CHILD, {"behave": "print_without_end"}, Limits()) as lines:
        pid = json.loads(next(lines))["pid"]
        assert alive(pid)

    assert not alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal")
def test_the_child_dies_with_its_parent() -> None:
    parent_code = (
        "from utils.limited_process import *\n"
        f"with run_limited({CHILD!r}, {{'behave': 'print_without_end'}}, Limits()) as lines:\n"
        "    print(next(lines).decode(), flush=True)\n"
        "    import time; time.sleep(60)\n"
    )
    command = [sys.executable, "-c", parent_code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = json.loads(parent.stdout.readline())["pid"]

        parent.kill()

    until(lambda: not alive(pid), "the end of the child")
