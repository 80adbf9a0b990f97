"""docs/operations.md names every setting, with the default that holds."""

import re
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| ([^|]+) \|", re.MULTILINE)
READ = re.compile(r"""(?:number\(|environ\w*(?:\.get\(|\[))"([A-Z0-9_]+)\"""")
# The system's, and what one of our processes tells another: nothing that a person sets.
NOBODY_SETS = frozenset({"PATH", "FLASK_SKIP_DOTENV"})


@pytest.fixture
def rows(docs: Path) -> dict[str, str]:
    """What the tables say: the default of each variable."""
    found = ROW.findall((docs / "operations.md").read_text(encoding="utf-8"))
    assert len(dict(found)) == len(found), "a variable stands in two rows"
    return {name: default.strip() for name, default in found}


def shown(default: Any) -> str:
    """Return a default as the table writes it."""
    return "none" if default in ("", ()) else f"`{default}`"


def test_every_setting_has_a_row_with_its_default(rows: dict[str, str]) -> None:
    fields = Settings.model_fields
    defaults = {name.upper(): shown(field.default) for name, field in fields.items()}

    assert {name: rows.get(name) for name in defaults} == defaults


def test_every_variable_that_the_start_scripts_read_has_a_row(rows: dict[str, str]) -> None:
    files = [ROOT / "gunicorn.conf.py", *sorted((ROOT / "startup_scripts").glob("*.py"))]
    read = {name for file in files for name in READ.findall(file.read_text(encoding="utf-8"))}

    assert {"WEB_CONCURRENCY", "DATA_DIR", "ENV_FILE", "MONGODB_URI"} <= read
    assert read - rows.keys() - NOBODY_SETS == set()


def test_no_row_names_a_variable_that_nothing_reads(rows: dict[str, str]) -> None:
    settings = {name.upper() for name in Settings.model_fields}
    files = [*ROOT.glob("*.py"), *(ROOT / "startup_scripts").glob("*.py"), *(ROOT / "commands").glob("*.py")]
    sources = "\n".join(file.read_text(encoding="utf-8") for file in files)

    assert [name for name in rows if name not in settings and f'"{name}"' not in sources] == []
