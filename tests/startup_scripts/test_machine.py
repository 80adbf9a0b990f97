"""What is said to people whose machine cannot run it."""

import pytest

from startup_scripts.machine import Machine, refusal, this_machine


def test_this_machine_will_do() -> None:
    assert refusal(this_machine()) == ""


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (Machine("Linux", "x86_64", (3, 9, 18)), "This is Python 3.9.18; 3.11 or newer is needed."),
        (Machine("Darwin", "arm64", (3, 12, 1)), "This is Darwin; Linux is needed."),
        (Machine("", "", (3, 12, 1)), "This is an unknown system; Linux is needed."),
    ],
)
def test_refusal_names_what_is_missing(machine: Machine, words: str) -> None:
    assert refusal(machine).startswith(words)


def test_old_pythons_can_read_the_files_that_refuse_them() -> None:
    import ast

    from tests.servers import ROOT

    for name in ("start_local.py", "machine.py"):
        ast.parse((ROOT / "startup_scripts" / name).read_text(), feature_version=(3, 7))


def test_wheels_run_on_one_kind_of_machine() -> None:
    assert Machine("Linux", "x86_64", (3, 11, 0)).runs_wheels
    assert not Machine("Linux", "aarch64", (3, 11, 0)).runs_wheels
