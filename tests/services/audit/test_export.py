"""Exports of the audit log: checked outside as well as inside, by the command that operations use."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from commands.audit import verify_audit
from main import Runtime
from services.audit.documents import AuditRecord
from services.audit.export import header, line
from utils.csv_cells import csv_line, neutral, original
from utils.documents import new_id

ROWS = 8
Verify = Callable[..., tuple[int, str]]


@pytest.fixture
def campus_id(runtime: Runtime) -> str:
    """A campus with some sealed rows, one of which a spreadsheet would run."""
    campus_id = new_id()
    for number in range(ROWS):
        runtime.audits.service.record(
            "=cmd|' /C calc'!A0",
            actor_id="007",
            campus_id=campus_id,
            target=f"student:{number}",
            rows=[1, "é"],
        )
    while runtime.audits.verifier.check(campus_id).waiting:
        runtime.audits.sealer.tick()
    return campus_id


@pytest.fixture
def lines(db: Any, campus_id: str) -> list[str]:
    """The lines of an export of the campus, newest first, as they are exported."""
    rows = db.audit.find({"campus_id": campus_id, "seq": {"$gt": 0}}, sort=[("seq", -1)])
    return [line(AuditRecord.from_mongo(row)) for row in rows]


@pytest.fixture
def verify(app: Flask, tmp_path: Path) -> Verify:
    """Call it with lines of a file: what the command says, and its exit code."""

    def run(lines: list[str], *options: str) -> tuple[int, str]:
        path = tmp_path / "audit.csv"
        path.write_text(header() + "".join(lines), encoding="utf-8", newline="")
        result = app.test_cli_runner().invoke(verify_audit, ["--file", str(path), *options])
        return result.exit_code, result.output

    return run


def test_a_whole_export_is_well_and_no_cell_runs(verify: Verify, lines: list[str], campus_id: str) -> None:
    assert verify(lines, "--here")[0] == 0
    assert f"campus {campus_id}: {ROWS} rows up to {ROWS}" in verify(lines)[1]
    assert ",'=cmd|" in lines[0]
    assert ",'007," in lines[0]


@pytest.mark.parametrize(
    ("meddle", "row"),
    [
        (lambda lines: [lines[0], lines[1].replace("student:", "studenz:"), *lines[2:]], ROWS - 1),
        (lambda lines: [*lines[:3], *lines[4:]], ROWS - 3),
        (lambda lines: [*lines, lines[-1]], 1),
    ],
    ids=["edited", "deleted", "repeated"],
)
def test_what_was_done_to_a_file_is_named(
    verify: Verify, lines: list[str], meddle: Callable[[list[str]], list[str]], row: int
) -> None:
    code, said = verify(meddle(lines))

    assert code == 1
    assert f"row {row} " in said


def test_a_filtered_export_may_have_gaps_and_is_checked_all_the_same(
    verify: Verify, lines: list[str]
) -> None:
    some = [lines[0], lines[3], lines[4]]

    assert verify(some)[0] == 1
    assert verify(some, "--gaps")[0] == 0
    assert verify([some[0], some[1].replace("007", "008"), some[2]], "--gaps")[0] == 1


def test_a_chain_that_was_cut_and_rolled_back_is_noticed_by_an_older_export(
    verify: Verify, lines: list[str], campus_id: str, db: Any, app: Flask
) -> None:
    last = db.audit.find_one({"campus_id": campus_id, "seq": 5})
    db.audit.delete_many({"campus_id": campus_id, "seq": {"$gt": 5}})
    db.audit_heads.update_one({"_id": campus_id}, {"$set": {"seq": 5, "hash": last["hash"]}})

    assert app.test_cli_runner().invoke(verify_audit, ["--campus", campus_id]).exit_code == 0
    code, said = verify(lines, "--here")
    assert code == 1
    assert "was in the chain when the file was made" in said


def test_a_file_that_is_no_export_is_a_sentence(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")

    result = app.test_cli_runner().invoke(verify_audit, ["--file", str(path)])

    assert result.exit_code == 1
    assert "does not name the columns" in result.output


def test_the_command_names_the_first_broken_row_of_every_chain(app: Flask, campus_id: str, db: Any) -> None:
    broken = db.audit.find_one({"campus_id": campus_id, "seq": 2})
    db.audit.update_one({"_id": broken["_id"]}, {"$set": {"actor_id": "nobody"}})

    result = app.test_cli_runner().invoke(verify_audit, [])

    assert result.exit_code == 1
    assert f"campus {campus_id}: row 2 (id {broken['_id']})" in result.output
    assert "platform: 0 rows" in result.output


@pytest.mark.parametrize("cell", ["=1+1", "+919876512345", "007", "1-2-3", "plain", "1e5", "", "-", "@x"])
def test_a_neutral_cell_can_be_read_back(cell: str) -> None:
    assert original(neutral(cell)) == cell
    assert csv_line([cell]).strip('"\r\n').startswith(("'", cell[:1]))
