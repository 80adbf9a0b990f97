"""The first account: made once, kept for this user alone."""

from pathlib import Path

import pytest

from startup_scripts.errors import CannotStart
from startup_scripts.superadmin import FILE, superadmin


def test_account_is_made_once_and_kept_secret(tmp_path: Path) -> None:
    made = superadmin(tmp_path, {})

    assert superadmin(tmp_path, {"SUPERADMIN_PASSWORD": "another"}) == made
    assert made.username == "superadmin"
    assert len(made.password) >= 20
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_account_of_the_environment_is_taken_at_the_first_start(tmp_path: Path) -> None:
    given = {"SUPERADMIN_USERNAME": "asha", "SUPERADMIN_PASSWORD": "correct horse battery"}

    assert superadmin(tmp_path, given) == ("asha", "correct horse battery")


def test_broken_file_is_not_replaced_silently(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")

    with pytest.raises(CannotStart, match=r"superadmin\.json cannot be read"):
        superadmin(tmp_path, {})
