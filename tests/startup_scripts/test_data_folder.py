"""The data folder: made for one server and one user, refused where it cannot work."""

import os
from pathlib import Path

import pytest

from startup_scripts.data_folder import DataFolder, check_disk
from startup_scripts.errors import CannotStart

MIB = 1024 * 1024


def test_folder_is_one_servers_at_a_time(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    with first, pytest.raises(CannotStart, match=rf"another VERSANT \(pid {os.getpid()}\)"):
        second.__enter__()

    with second:
        pass


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(CannotStart, match=r"data folder .*/file/data cannot be written \(Not a directory\)"),
        DataFolder(tmp_path / "file" / "data"),
    ):
        pass


@pytest.mark.parametrize(("free", "warnings"), [(501 * MIB, 0), (499 * MIB, 1), (200 * MIB, 1)])
def test_little_room_is_said(tmp_path: Path, free: int, warnings: int) -> None:
    told: list[str] = []

    check_disk(tmp_path, told.append, free)

    assert len(told) == warnings


def test_too_little_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="only 199 MB are free"):
        check_disk(tmp_path, print, 200 * MIB - 1)
