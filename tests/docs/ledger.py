"""The ledger of OWASP ASVS 5.0.0, docs/asvs.tsv. Run it (``make ledger``) to print what it comes to."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.docs import abuse
from tests.docs.evidence import ROOT

FILE: Final = ROOT / "docs" / "asvs.tsv"
PREFIX: Final = "v5.0.0-"
MET, PARTLY, NOT_MET, NOT_APPLICABLE = STATUSES = ("met", "partly", "not met", "not applicable")
# The standard's sections; a digit for each requirement of a section: its level.
STANDARD: Final = """
1.1 22  1.2 1111122223  1.3 112222222223  1.4 222  1.5 123
2.1 122  2.2 112  2.3 12223  2.4 23
3.1 3  3.2 113  3.3 12223  3.4 11222233  3.5 11122333  3.6 3  3.7 22333
4.1 12233  4.2 23333  4.3 22  4.4 1222
5.1 2  5.2 112333  5.3 113  5.4 222
6.1 122  6.2 111111112222  6.3 11223333  6.4 112233  6.5 22222333  6.6 2223  6.7 33  6.8 2222
7.1 222  7.2 1111  7.3 22  7.4 11222  7.5 223  7.6 22
8.1 1233  8.2 1123  8.3 133  8.4 23
9.1 111  9.2 1222
10.1 22  10.2 223  10.3 22223  10.4 1111122222233333  10.5 22222  10.6 22  10.7 222
11.1 2233  11.2 22233  11.3 11233  11.4 1222  11.5 23  11.6 23  11.7 33
12.1 12233  12.2 11  12.3 22223
13.1 2333  13.2 222223  13.3 2233  13.4 1222233
14.1 22  14.2 12223333  14.3 122
15.1 12233  15.2 12233  15.3 1222222  15.4 3333
16.1 2  16.2 22222  16.3 2222  16.4 222  16.5 2223
17.1 23  17.2 22223333  17.3 22
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One requirement: what it asks in our words, whether that holds, and what shows it."""

    id: str
    level: int
    status: str
    asks: str
    proofs: tuple[str, ...]
    note: str


def standard() -> dict[str, int]:
    """Return the level of every requirement of the standard by its id."""
    words = STANDARD.split()
    return {
        f"{PREFIX}{section}.{number}": int(level)
        for section, levels in zip(words[::2], words[1::2], strict=True)
        for number, level in enumerate(levels, 1)
    }


def ledger() -> Sequence[Entry]:
    """Return every row of the ledger."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Entry(
            row["id"],
            int(row["level"]),
            row["status"],
            row["asks"],
            tuple(row["proof"].split()),
            row["note"],
        )
        for row in rows
    ]


def counts() -> str:
    """Return how many requirements of each level have which status, as a table."""
    whole, kept = Counter(standard().values()), ledger()
    lines = [
        f"| ASVS 5.0.0 | requirements | in the ledger | {' | '.join(STATUSES)} |",
        "|---|" + "---:|" * (2 + len(STATUSES)),
    ]
    for level, number in sorted(whole.items()):
        found = Counter(entry.status for entry in kept if entry.level == level)
        shown = " | ".join(str(found[status]) for status in STATUSES)
        lines.append(f"| level {level} | {number} | {found.total()} | {shown} |")
    return "\n".join(lines)


def unfounded(entry: Entry) -> Iterator[str]:
    """Yield why a row cannot stand as it is."""
    if entry.status not in STATUSES:
        yield f"{entry.id}: no status is called {entry.status!r}"
    if not entry.asks:
        yield f"{entry.id}: it does not say what is asked"
    if entry.status in (MET, PARTLY) and not entry.proofs:
        yield f"{entry.id}: nothing shows it"
    if entry.status in (NOT_MET, NOT_APPLICABLE) and entry.proofs:
        yield f"{entry.id}: it has a proof and does not hold"
    if entry.status != MET and not entry.note:
        yield f"{entry.id}: it does not say what is missing, or why it does not apply"


if __name__ == "__main__":
    print(counts())
    print()
    print(abuse.counts())
