"""The server's side: a roster file, read by a child with limits, as typed lines."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.imports.roster.lines import (
    CellError,
    RosterEnd,
    RosterFailed,
    RosterHeader,
    RosterLine,
    RosterRow,
    RosterStudent,
)
from utils.limited_process import ChildFailed, Killed, Limits, OutOfMemory, OutOfTime, run_limited

CHILD: Final = "services.imports.roster.child"
SMALLER: Final = "Copy only the list of students into a new workbook, or split it, and upload that."


@dataclass(frozen=True, slots=True)
class RosterRequest:
    """Which file to read and what it may refer to.

    ``groups`` leads from the names and codes of the batch's courses, as people write them, to course ids;
    ``course_ids`` hold for rows without a group.
    """

    path: Path
    filename: str
    default_country: str
    groups: Mapping[str, str]
    course_ids: tuple[str, ...]
    max_rows: int
    max_columns: int


def read_roster(request: RosterRequest, limits: Limits) -> Iterator[RosterLine]:
    """Yield the header, every row and the end; raise RosterFailed when the file as a whole cannot be used.

    Nothing was read for certain before RosterEnd came. Killed rises as it is: the file may be fine.
    """
    ended = False
    try:
        with run_limited(CHILD, _as_json(request), limits) as lines:
            for line in map(_parsed, lines):
                ended = isinstance(line, RosterEnd)
                yield line
    except Killed:
        raise
    except OutOfMemory as error:
        raise RosterFailed("too-large", f"The file is too large to read. {SMALLER}") from error
    except OutOfTime as error:
        raise RosterFailed("too-slow", f"The file takes too long to read. {SMALLER}") from error
    except (ChildFailed, KeyError, TypeError, ValueError) as error:
        raise RosterFailed("unreadable", f"The file cannot be read. {SMALLER}") from error
    if not ended:
        raise RosterFailed("unreadable", f"The file cannot be read. {SMALLER}")


def _as_json(request: RosterRequest) -> dict[str, object]:
    return {
        "path": str(request.path.resolve()),
        "filename": request.filename,
        "default_country": request.default_country,
        "groups": dict(request.groups),
        "course_ids": request.course_ids,
        "max_rows": request.max_rows,
        "max_columns": request.max_columns,
    }


def _parsed(line: bytes) -> RosterLine:
    fields: dict[str, Any] = json.loads(line)
    match fields.pop("kind"):
        case "header":
            columns, ignored = tuple(fields.pop("columns")), tuple(fields.pop("ignored"))
            return RosterHeader(columns, ignored, **fields)
        case "row":
            student = fields["student"] and _student(fields["student"])
            errors = tuple(CellError(**error) for error in fields["errors"])
            return RosterRow(int(fields["row"]), fields["values"], student, errors)
        case "end":
            return RosterEnd(**fields)
        case "failed":
            raise RosterFailed(**fields)
        case kind:
            raise ValueError(kind)


def _student(fields: dict[str, Any]) -> RosterStudent:
    return RosterStudent(**{**fields, "course_ids": tuple(fields["course_ids"])})
