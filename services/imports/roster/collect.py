"""All rows of a table, checked one by one and against each other."""

from itertools import islice

from services.imports.roster.duplicates import marked
from services.imports.roster.groups import Groups
from services.imports.roster.lines import Column, RosterFailed, RosterRow
from services.imports.roster.rows import checked_row
from services.imports.roster.table import Table


def collected(table: Table, groups: Groups, country: str, most_rows: int) -> list[RosterRow]:
    """Return every row that is not blank; raise RosterFailed for none, too many, or rows without a course."""
    if Column.GROUP not in table.header.places and not groups.chosen:
        raise RosterFailed(
            "no-course",
            "The file has no column Group, and no course was chosen for it. "
            "Choose the courses, or add the column.",
        )
    raw_rows = islice(table.rows, most_rows + 1)
    rows = [checked_row(raw, groups, country) for raw in raw_rows]
    if not rows:
        raise RosterFailed("no-rows", "The file has headings but no students below them.")
    if len(rows) > most_rows:
        raise RosterFailed(
            "too-many-rows",
            f"The file has more than {most_rows:,} rows. Split it into files of at most {most_rows:,} rows.",
        )
    return marked(rows, country)
