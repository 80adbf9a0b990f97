"""docs/asvs.tsv and docs/abuse_cases.md claim nothing that nothing proves; security.md counts them right."""

from itertools import chain
from pathlib import Path

from tests.docs import abuse, ledger
from tests.docs.evidence import gone, known_tests

SUMMARY = "security.md"


def test_each_requirement_of_levels_1_and_2_has_one_row_and_no_row_is_made_up() -> None:
    levels, rows = ledger.standard(), ledger.ledger()

    ids = [row.id for row in rows]
    assert ids == [known for known in levels if known in set(ids)], "unknown, twice or not in order"
    assert {row.id: row.level for row in rows} == {row.id: levels[row.id] for row in rows}
    assert [known for known, level in levels.items() if level < 3 and known not in ids] == []


def test_the_standard_is_whole() -> None:
    levels = list(ledger.standard().values())

    assert [levels.count(level) for level in (1, 2, 3)] == [70, 183, 92]


def test_every_row_of_the_ledger_can_stand() -> None:
    assert list(chain.from_iterable(map(ledger.unfounded, ledger.ledger()))) == []


def test_what_the_ledger_names_as_proof_is_there() -> None:
    assert {row.id: missing for row in ledger.ledger() if (missing := gone(row.proofs))} == {}


def test_every_abuse_case_and_lesson_has_one_row_that_can_stand() -> None:
    found = abuse.cases()

    for table, most in abuse.NUMBERS.items():
        assert [case.number for case in found if case.table == table] == list(range(1, most + 1))
    assert list(chain.from_iterable(map(abuse.unfounded, found))) == []


def test_what_abuse_cases_name_as_proof_is_there() -> None:
    missing = {(case.table, case.number): gone(case.proofs) for case in abuse.cases()}

    assert {where: what for where, what in missing.items() if what} == {}


def test_security_md_counts_what_the_data_hold(docs: Path) -> None:
    summary = (docs / SUMMARY).read_text(encoding="utf-8")

    assert ledger.counts() in summary, f"run: make ledger, and put its table into {SUMMARY}"
    assert abuse.counts() in summary, f"run: make ledger, and put its table into {SUMMARY}"


def test_a_test_that_is_gone_is_noticed() -> None:
    here = "tests/docs/test_ledger.py::test_a_test_that_is_gone_is_noticed"

    assert here in known_tests()
    assert gone([here, "config/settings.py", f"{here}_no_more", "config/no_settings.py"]) == [
        f"{here}_no_more",
        "config/no_settings.py",
    ]
