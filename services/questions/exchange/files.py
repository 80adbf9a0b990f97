"""A file of questions, read: GIFT here, tables in a child with limits."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from services.imports.roster.encodings import decoded
from services.imports.roster.lines import RosterFailed
from services.questions.exchange.columns import columns_of, draft_of, is_header
from services.questions.exchange.drafts import Draft
from services.questions.exchange.gift_reader import read_gift
from utils.limited_process import ChildFailed, Limits, run_limited

CHILD: Final = "services.questions.exchange.child"
MOST_QUESTIONS: Final = 2_000
MOST_GIFT_BYTES: Final = 2 * 1024 * 1024
MOST_COLUMNS: Final = 50
TOO_HARD: Final = "The file cannot be read within the limits. Split it, or copy the questions into a new one."
NO_HEADINGS: Final = "The first row holds no headings. Expected are at least Question and Answer."


class FileUnreadable(Exception):
    """The file as a whole cannot be used; the text says why, to whoever sent it."""


def drafts_of(content: bytes, filename: str, format_: str, limits: Limits) -> Iterator[Draft]:
    """Yield the questions of a file; raise FileUnreadable for one that holds none that could be read."""
    found = _gift(content) if format_ == "gift" else _table(content, filename, format_, limits)
    for count, draft in enumerate(found, 1):
        if count > MOST_QUESTIONS:
            raise FileUnreadable(f"The file holds more than {MOST_QUESTIONS:,} questions. Split it.")
        yield draft


def _gift(content: bytes) -> Iterator[Draft]:
    if len(content) > MOST_GIFT_BYTES:
        raise FileUnreadable(f"The file is larger than {MOST_GIFT_BYTES:,} bytes. Split it.")
    try:
        text, _ = decoded(content)
    except RosterFailed as failure:
        raise FileUnreadable(failure.detail) from None
    return read_gift(text)


def _table(content: bytes, filename: str, format_: str, limits: Limits) -> Iterator[Draft]:
    columns: dict[int, str] = {}
    for line in _lines(content, f"{filename}.{format_}", limits):
        cells: list[str] = line["cells"]
        if not columns:
            columns = columns_of(cells)
            if not is_header(columns):
                raise FileUnreadable(NO_HEADINGS)
        elif line["reason"] is not None:
            yield Draft(line["row"], " | ".join(filter(None, cells)), reason=line["reason"])
        else:
            named = {name: cells[place] for place, name in columns.items() if place < len(cells)}
            yield draft_of(line["row"], named)


def _lines(content: bytes, filename: str, limits: Limits) -> Iterator[dict[str, Any]]:
    with NamedTemporaryFile(suffix=".table") as file:
        file.write(content)
        file.flush()
        request = {
            "path": str(Path(file.name).resolve()),
            "filename": filename,
            "max_rows": MOST_QUESTIONS + 1,
            "max_columns": MOST_COLUMNS,
        }
        try:
            with run_limited(CHILD, request, limits) as lines:
                for line in map(json.loads, lines):
                    if line["kind"] == "failed":
                        raise FileUnreadable(line["detail"])
                    if line["kind"] == "row":
                        yield line
        except ChildFailed as error:
            raise FileUnreadable(TOO_HARD) from error
