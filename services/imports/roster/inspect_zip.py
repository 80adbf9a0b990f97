"""A look into an XLSX before anything opens it: nothing in it may harm, and it must be a workbook."""

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from services.imports.roster.lines import RosterFailed

ZIP_MAGIC: Final = b"PK\x03\x04"
OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_STREAM: Final = "EncryptedPackage".encode("utf-16-le")
MOST_ENTRIES: Final = 200
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_RATIO: Final = 100
SMALL_PART: Final = 1024 * 1024  # a small part may be as repetitive as it likes
MOST_CELLS_IN_ROW: Final = 16_384  # what a spreadsheet program can hold
LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
CHUNK: Final = 256 * 1024
LONGEST_TAG: Final = 4 * CHUNK
DOCTYPE: Final = re.compile(rb"<!doctype", re.IGNORECASE)
ROW: Final = re.compile(rb"<(?:[\w.-]+:)?row(?=[\s/>])([^>]*)>")
ROW_NUMBER: Final = re.compile(rb"""\sr\s*=\s*["']([^"']*)["']""")
LONGEST_NUMBER: Final = 9
UNZIPPABLE: Final = (BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)

DAMAGED: Final = (
    "The workbook is damaged. Open it, save it again as an Excel workbook (.xlsx) and upload that."
)
COPY_OUT: Final = "Copy the list into a new workbook with Paste Special > Values and upload that."

NOT_A_WORKBOOK: Final = (
    "This is not an Excel workbook (.xlsx). Open it in your spreadsheet program, choose Save As > Excel "
    "Workbook (.xlsx) or CSV, and upload that."
)
LOCKED: Final = (
    "The workbook is protected by a password. Open it, remove the password (File > Info > Protect Workbook > "
    "Encrypt with Password), save it and upload it again."
)


def inspect_zip(path: Path) -> None:
    """Return when the file is a workbook that is safe to open; raise RosterFailed that says why not."""
    try:
        with path.open("rb") as file, ZipFile(file) as archive:
            inspect_directory(file, archive.infolist(), archive.start_dir)
            _inspect_parts(archive)
    except UNZIPPABLE as error:
        raise RosterFailed("damaged-file", DAMAGED) from error


def inspect_directory(file: BinaryIO, entries: list[ZipInfo], directory_at: int) -> None:
    """Check what the directory of the archive tells, without inflating a byte."""
    _check_sizes(entries, file.seek(0, 2))
    names = [entry.orig_filename for entry in entries]
    _check_names(names)
    for entry in entries:
        if entry.flag_bits & 1:
            raise RosterFailed("password-protected", LOCKED)
        if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise RosterFailed("damaged-file", DAMAGED)
    _check_overlap(file, entries, directory_at)
    _check_kind({name.lower() for name in names})


def refuse_ole(path: Path) -> RosterFailed:
    """Return why an OLE file cannot be read: it has a password, or is an Excel workbook of before 2007."""
    if ENCRYPTED_STREAM in path.read_bytes():
        return RosterFailed("password-protected", LOCKED)
    return RosterFailed(
        "old-excel",
        "This is a workbook of an old Excel (.xls). Open it, choose Save As > Excel Workbook (.xlsx) and "
        "upload that.",
    )


def _check_sizes(entries: list[ZipInfo], file_size: int) -> None:
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_ENTRIES:
        raise RosterFailed("too-complex", f"The workbook has more than {MOST_ENTRIES} parts. {COPY_OUT}")
    swollen = any(
        entry.file_size > MOST_RATIO * max(entry.compress_size, 1) and entry.file_size > SMALL_PART
        for entry in entries
    )
    if total > MOST_BYTES or swollen or (total > MOST_RATIO * file_size and total > SMALL_PART):
        raise RosterFailed(
            "too-large-inside",
            f"The workbook holds far more than a roster: {total // 2**20} MB when unpacked. {COPY_OUT}",
        )


def _check_names(names: list[str]) -> None:
    for name in names:
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or "\\" in name or ":" in name or "\0" in name:
            raise RosterFailed("damaged-file", DAMAGED)
    if len({name.lower() for name in names}) < len(names):
        raise RosterFailed("damaged-file", DAMAGED)


def _check_overlap(file: BinaryIO, entries: list[ZipInfo], directory_at: int) -> None:
    """Refuse parts that share bytes: a small file of such parts can inflate to anything."""
    end_of_last = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        file.seek(entry.header_offset)
        raw = file.read(LOCAL_HEADER.size)
        if entry.header_offset < end_of_last or len(raw) < LOCAL_HEADER.size:
            raise RosterFailed("damaged-file", DAMAGED)
        magic, name_length, extra_length = LOCAL_HEADER.unpack(raw)
        data_at = entry.header_offset + LOCAL_HEADER.size + name_length + extra_length
        end_of_last = data_at + entry.compress_size
        if magic != ZIP_MAGIC or end_of_last > directory_at:
            raise RosterFailed("damaged-file", DAMAGED)


def _check_kind(names: set[str]) -> None:
    if any(name.endswith("vbaproject.bin") or name.startswith("xl/macrosheets/") for name in names):
        raise RosterFailed("macros", f"The workbook holds macros, which are not accepted. {COPY_OUT}")
    if any(name.startswith("xl/externallinks/") for name in names):
        raise RosterFailed("external-links", f"The workbook is linked to another file. {COPY_OUT}")
    if not {"[content_types].xml", "_rels/.rels"} <= names or "xl/workbook.bin" in names:
        raise RosterFailed("not-a-workbook", NOT_A_WORKBOOK)
    if not any(name.startswith("xl/") for name in names):
        raise RosterFailed("not-a-workbook", NOT_A_WORKBOOK)


def _inspect_parts(archive: ZipFile) -> None:
    """Inflate every part once, piece by piece, and look for what no roster needs."""
    for entry in archive.infolist():
        scan = _Worksheet() if "worksheets/" in entry.filename.lower() else None
        for piece in _pieces(archive, entry):
            if DOCTYPE.search(piece):
                raise RosterFailed(
                    "forbidden-content", f"The workbook holds a document type, as no roster does. {COPY_OUT}"
                )
            if scan:
                scan.feed(piece)


def _pieces(archive: ZipFile, entry: ZipInfo) -> Iterator[bytes]:
    """Yield a part without NULs (UTF-16 becomes readable), never splitting a tag over two pieces."""
    rest = b""
    with archive.open(entry) as part:
        while chunk := part.read(CHUNK):
            text = rest + chunk.replace(b"\0", b"")
            cut = max(text.rfind(b"<"), 0)
            if not cut and len(text) > LONGEST_TAG:
                cut = len(text)
            rest = text[cut:]
            yield text[:cut]
    yield rest


class _Worksheet:
    """Refuses rows that the reader would drop in silence, and rows wider than any spreadsheet."""

    def __init__(self) -> None:
        self._row = 0
        self._cells = 0

    def feed(self, piece: bytes) -> None:
        """Look at the next piece of the sheet."""
        start = 0
        for row in ROW.finditer(piece):
            self._count(piece, start, row.start())
            start, self._cells = row.end(), 0
            self._row = self._following(ROW_NUMBER.search(row[1]))
        self._count(piece, start, len(piece))

    def _following(self, number: re.Match[bytes] | None) -> int:
        if number is None:
            return self._row + 1
        if not number[1].isdigit() or len(number[1]) > LONGEST_NUMBER or int(number[1]) <= self._row:
            raise RosterFailed("damaged-file", DAMAGED)
        return int(number[1])

    def _count(self, piece: bytes, start: int, end: int) -> None:
        self._cells += piece.count(b"<c ", start, end) + piece.count(b"<c>", start, end)
        self._cells += piece.count(b"<c/", start, end) + piece.count(b":c ", start, end)
        if self._cells > MOST_CELLS_IN_ROW:
            raise RosterFailed("too-many-columns", f"A row of the sheet has far too many cells. {COPY_OUT}")
