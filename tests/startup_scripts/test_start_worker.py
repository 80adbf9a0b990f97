"""The start of processes that only run jobs: what they are told, what is refused. See also tests/faults."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from startup_scripts.worker import DEFAULT_PORT, environment_for, options
from tests.servers import ROOT, clean_environment


def told(arguments: list[str], given: Mapping[str, str]) -> dict[str, str]:
    return environment_for(options(arguments, given), given)


def test_a_worker_is_told_its_role_and_has_a_port_of_its_own(tmp_path: Path) -> None:
    given = {"PORT": "8000", "WEB_ROLE": "all", "DATA_DIR": str(tmp_path), "JOB_ENGINE": "dramatiq"}

    environment = told(["--processes", "3"], given)

    assert environment["WEB_ROLE"] == "worker"
    assert environment["PORT"] == str(DEFAULT_PORT)
    assert environment["WEB_CONCURRENCY"] == "3"
    assert environment["JOB_ENGINE"] == "dramatiq"
    assert told([], given | {"WORKER_PORT": "9001"})["PORT"] == "9001"


def test_a_worker_finds_the_server_that_runs_over_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "running.json").write_text('{"MONGODB_URI": "mongodb://here/", "REDIS_URL": "redis://here"}')

    assert told([], {"DATA_DIR": str(tmp_path)})["MONGODB_URI"] == "mongodb://here/"
    other = {"DATA_DIR": str(tmp_path), "MONGODB_URI": "mongodb://elsewhere/"}
    assert told([], other)["MONGODB_URI"] == "mongodb://elsewhere/"


def test_settings_that_make_no_worker_are_said_before_anything_starts(tmp_path: Path) -> None:
    script = ROOT / "startup_scripts" / "start_worker.py"
    environment = clean_environment() | {"JOB_ENGINE": "dramatiq", "ENV_FILE": os.devnull}

    done = subprocess.run(
        [sys.executable, script, "--data-dir", tmp_path],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "REDIS_URL must be set where JOB_ENGINE is dramatiq\n"
