"""What `make cli` shows, and that its commands find the running server."""

from pathlib import Path

import pytest

from startup_scripts.local_cli import main
from startup_scripts.local_environment import note_running, running
from startup_scripts.superadmin import superadmin


def test_overview_of_an_empty_folder_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    assert main([]) == 0

    assert "does not run; start it with: make run" in capsys.readouterr().out


def test_overview_shows_the_address_and_the_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    account = superadmin(tmp_path, {})
    names = ("MONGODB_URI", "REDIS_URL", "PORT")
    note_running(
        dict.fromkeys(names, "") | {"DATA_DIR": str(tmp_path), "PUBLIC_URL": "http://127.0.0.1:8123"}
    )

    assert main([]) == 0

    shown = capsys.readouterr().out
    assert "http://127.0.0.1:8123" in shown
    assert account.password in shown


def test_command_without_a_server_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    assert main(["doctor"]) == 1

    assert running(tmp_path) == {}
    assert "No server runs over" in capsys.readouterr().err
