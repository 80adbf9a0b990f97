"""The tables of docs/abuse_cases.md: attacks and lessons, each with its defence and its proof."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.docs.evidence import ROOT

FILE: Final = ROOT / "docs" / "abuse_cases.md"
CASES, LESSONS = "Abuse cases", "Lessons"
NUMBERS: Final = {CASES: 30, LESSONS: 25}
PROVEN, PARTLY, LATER = STATUSES = ("proven", "partly", "later")
ROW: Final = re.compile(r"^\| (?P<number>\d+) \| (?P<rest>.+) \|$", re.MULTILINE)
CODE: Final = re.compile(r"`(tests/[^`]+)`")


@dataclass(frozen=True, slots=True)
class Case:
    """One row: ``status`` is ``later`` where the part that it is about does not exist yet."""

    table: str
    number: int
    attack: str
    status: str
    why: str
    defence: str
    proofs: tuple[str, ...]


def cases() -> Sequence[Case]:
    """Return the rows of both tables."""
    text = FILE.read_text(encoding="utf-8")
    return [
        _case(name, row)
        for name in NUMBERS
        for row in ROW.finditer(text.partition(f"\n## {name}\n")[2].partition("\n## ")[0])
    ]


def counts() -> str:
    """Return how many rows of each table have which status, as a table."""
    found = cases()
    lines = [f"| table | rows | {' | '.join(STATUSES)} |", "|---|" + "---:|" * (1 + len(STATUSES))]
    for name in NUMBERS:
        has = Counter(case.status for case in found if case.table == name)
        lines.append(f"| {name.lower()} | {has.total()} | {' | '.join(str(has[s]) for s in STATUSES)} |")
    return "\n".join(lines)


def unfounded(case: Case) -> Iterator[str]:
    """Yield why a row cannot stand as it is."""
    where = f"{case.table} {case.number}"
    if case.status not in STATUSES:
        yield f"{where}: no status is called {case.status!r}"
    if case.status == LATER and (case.proofs or not case.why):
        yield f"{where}: it is for later and has a proof, or does not say of which area"
    if case.status == PARTLY and not case.why:
        yield f"{where}: it does not say what is missing"
    if case.status in (PROVEN, PARTLY) and not (case.proofs and case.defence):
        yield f"{where}: it has no defence or no proof"


def _case(table: str, row: re.Match[str]) -> Case:
    attack, said, defence, proof = (cell.strip() for cell in row["rest"].split(" | "))
    status, _, why = said.partition(": ")
    return Case(table, int(row["number"]), attack, status, why, defence, tuple(CODE.findall(proof)))
