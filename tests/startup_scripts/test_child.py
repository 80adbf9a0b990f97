"""Child processes: they end with us, they end when told, and their logs stay small."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from startup_scripts.child import Child, ending
from tests.servers import ROOT

START_A_CHILD = """
import sys, time
from pathlib import Path
from startup_scripts.child import Child
child = Child(["sleep", "60"], Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


def test_child_ends_when_its_starter_is_killed(
    tmp_path: Path, processes: list[subprocess.Popen[str]], leaves_nothing: Callable[[int], None]
) -> None:
    command = [sys.executable, "-c", START_A_CHILD, str(tmp_path / "log")]
    starter = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    processes.append(starter)
    assert starter.stdout
    leaves_nothing(int(starter.stdout.readline()))

    starter.kill()


def test_ctrl_c_in_our_terminal_is_not_the_childs(tmp_path: Path) -> None:
    child = Child(["sleep", "60"], tmp_path / "log")
    child.start()
    try:
        assert os.getpgid(child.pid) == child.pid != os.getpgid(0)
    finally:
        child.stop(5)


def test_stubborn_child_is_killed_with_all_it_started(
    tmp_path: Path, leaves_nothing: Callable[[int], None]
) -> None:
    child = Child(["sh", "-c", "trap '' TERM; sleep 60 & echo ready; wait; wait"], tmp_path / "log")
    child.start()
    while "ready" not in child.tail():
        pass
    leaves_nothing(child.pid)

    child.stop(0.2)

    assert child.code == -signal.SIGKILL
    assert ending(child.code) == "signal 9"


def test_tail_holds_only_the_latest_start(tmp_path: Path) -> None:
    child = Child(["sh", "-c", "echo $$"], tmp_path / "log")
    for _ in range(2):
        child.start()
        assert child.wait(60) == 0

    assert child.tail() == str(child.pid)
    assert len((tmp_path / "log").read_text().split()) == 2


def test_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    child = Child(["/nowhere/mongod"], tmp_path / "log")
    child.start()

    assert child.wait(60) == 127
    assert child.tail() == "/nowhere/mongod: No such file or directory"


def test_long_log_is_moved_aside_while_the_child_writes_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = Child(["sh", "-c", "echo before; read _ < go; echo after"], log, cwd=tmp_path)
    os.mkfifo(tmp_path / "go")
    child.start()
    while "before" not in child.tail():
        pass

    child.trim_log(limit=3)
    (tmp_path / "go").write_text("\n")
    child.wait(60)

    assert log.read_text() == "after\n"
    assert log.with_name("log.1").read_text() == "before\n"
