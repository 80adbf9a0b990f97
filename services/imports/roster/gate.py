"""What a file really is, whatever it is called; only what may be opened gets past."""

from enum import Enum
from pathlib import Path

from services.imports.roster.inspect_zip import NOT_A_WORKBOOK, OLE_MAGIC, ZIP_MAGIC, inspect_zip, refuse_ole
from services.imports.roster.lines import RosterFailed


class Kind(Enum):
    """How to read a file."""

    WORKBOOK = "workbook"
    TEXT = "text"


def kind_of(path: Path, filename: str) -> Kind:
    """Return how to read the file; raise RosterFailed when it is empty, harmful or no roster."""
    with path.open("rb") as file:
        magic = file.read(len(OLE_MAGIC))
    if not magic:
        raise RosterFailed("empty-file", "The file is empty.")
    if magic == OLE_MAGIC:
        raise refuse_ole(path)
    if magic.startswith(ZIP_MAGIC):
        inspect_zip(path)
        return Kind.WORKBOOK
    if filename.lower().endswith((".xlsx", ".xlsm", ".xls")):
        raise RosterFailed("not-a-workbook", NOT_A_WORKBOOK)
    return Kind.TEXT
