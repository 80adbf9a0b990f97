"""Files that want to harm: each is refused, quickly, with a sentence that a secretary understands."""

import io
import os
import struct
import time
from copy import copy
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile

import pytest

from services.imports.roster.inspect_zip import inspect_zip
from services.imports.roster.lines import RosterFailed
from tests.services.imports.roster_files import (
    ASHA,
    HEADINGS,
    SHEET,
    read,
    repacked,
    row_xml,
    with_sheet,
    with_strings,
    xlsx,
)

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MEGABYTE = 1024 * 1024


def bomb() -> bytes:
    """A workbook of 474 KB that inflates to 118 MB, most of it one repetitive sheet."""
    file = io.BytesIO(xlsx(ASHA))
    with ZipFile(file, "a", ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet2.xml", b"<row/>" * (117 * MEGABYTE // 6))
        padding = 474 * 1024 - len(file.getbuffer()) - 400
        archive.writestr("xl/media/image1.bin", os.urandom(max(padding, 0)), ZIP_STORED)
    return file.getvalue()


def slug_of(folder: Path, content: bytes, filename: str = "roster.xlsx") -> str:
    with pytest.raises(RosterFailed) as failed:
        read(folder, content, filename)
    assert failed.value.detail.endswith(".")
    return failed.value.slug


def test_a_bomb_of_474_kb_that_inflates_to_118_mb_is_refused_in_200_ms(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    path.write_bytes(bomb())
    began = time.thread_time()

    with pytest.raises(RosterFailed) as failed:
        inspect_zip(path)

    took = time.thread_time() - began
    assert failed.value.slug == "too-large-inside"
    assert "117 MB when unpacked" in failed.value.detail
    assert 460_000 < path.stat().st_size < 500_000
    assert took < 0.2


def test_a_part_that_inflates_more_than_a_hundredfold_is_refused(tmp_path: Path) -> None:
    content = repacked(xlsx(ASHA), {"xl/big.xml": b"0" * (5 * MEGABYTE)})

    assert slug_of(tmp_path, content) == "too-large-inside"


def test_parts_of_more_than_64_mb_together_are_refused_before_one_is_inflated(tmp_path: Path) -> None:
    half_megabyte = os.urandom(MEGABYTE // 2)
    parts = {f"xl/worksheets/sheet{number}.xml": half_megabyte * 17 for number in range(2, 10)}

    assert slug_of(tmp_path, repacked(xlsx(ASHA), dict(parts))) == "too-large-inside"


def test_a_part_that_understates_its_size_is_refused(tmp_path: Path) -> None:
    content = repacked(xlsx(ASHA), {"xl/big.xml": b"0" * (5 * MEGABYTE)})
    true_size, small = struct.pack("<I", 5 * MEGABYTE), struct.pack("<I", 5000)

    assert slug_of(tmp_path, content.replace(true_size, small)) == "damaged-file"


def test_more_than_200_parts_are_refused(tmp_path: Path) -> None:
    content = repacked(xlsx(ASHA), {f"xl/part{number}.xml": b"<x/>" for number in range(200)})

    assert slug_of(tmp_path, content) == "too-complex"


def test_parts_that_share_bytes_are_refused(tmp_path: Path) -> None:
    file = io.BytesIO(xlsx(ASHA))
    with ZipFile(file, "a") as archive:
        for number in range(2, 20):
            twin = copy(archive.getinfo(SHEET))
            twin.filename = f"xl/worksheets/sheet{number}.xml"
            archive.filelist.append(twin)
        archive._didModify = True  # type: ignore[attr-defined]

    assert slug_of(tmp_path, file.getvalue()) == "damaged-file"


@pytest.mark.parametrize(
    "name", ["../evil.xml", "/etc/passwd", "xl/../../evil.xml", "xl\\evil.xml", "C:/evil.xml"]
)
def test_parts_with_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    assert slug_of(tmp_path, repacked(xlsx(ASHA), {name: b"<x/>"})) == "damaged-file"


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    content = repacked(xlsx(ASHA), {SHEET.upper(): b"<x/>"})

    assert slug_of(tmp_path, content) == "damaged-file"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("xl/vbaProject.bin", "macros"),
        ("xl/macrosheets/sheet1.xml", "macros"),
        ("xl/externalLinks/externalLink1.xml", "external-links"),
    ],
)
def test_macros_and_links_to_other_files_are_refused(tmp_path: Path, name: str, slug: str) -> None:
    assert slug_of(tmp_path, repacked(xlsx(ASHA), {name: b"<x/>"})) == slug


BILLION_LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>&b;</sheetData>'
    "</worksheet>"
)


@pytest.mark.parametrize(
    "part",
    [
        BILLION_LAUGHS.encode(),
        BILLION_LAUGHS.encode("utf-16"),
        BILLION_LAUGHS.encode("utf-16-be"),
        b"<!-- " + b"far away " * 29_000 + b"-->" + BILLION_LAUGHS.encode(),
    ],
    ids=["utf-8", "utf-16", "utf-16-be", "behind a long comment"],
)
@pytest.mark.parametrize("name", [SHEET, "xl/styles.xml", "docProps/core.xml"])
def test_a_document_type_is_refused_wherever_it_hides(tmp_path: Path, name: str, part: bytes) -> None:
    padded = part + b"<!--" + os.urandom(4096).hex().encode() + b"-->"

    assert slug_of(tmp_path, repacked(xlsx(ASHA), {name: padded})) == "forbidden-content"


@pytest.mark.parametrize("offset", range(-12, 3))
def test_a_document_type_is_found_across_the_pieces_that_are_read(tmp_path: Path, offset: int) -> None:
    comment = b"<!--" + b"x" * (256 * 1024 + offset - 7) + b"-->"
    content = repacked(xlsx(ASHA), {SHEET: comment + BILLION_LAUGHS.encode() + os.urandom(3000)})

    assert slug_of(tmp_path, content) == "forbidden-content"


def test_a_workbook_with_a_password_says_so(tmp_path: Path) -> None:
    content = OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)

    assert slug_of(tmp_path, content) == "password-protected"


def test_a_part_that_is_encrypted_in_the_archive_says_so(tmp_path: Path) -> None:
    content = bytearray(xlsx(ASHA))
    content[content.rindex(b"PK\x01\x02") + 8] |= 1

    assert slug_of(tmp_path, bytes(content)) == "password-protected"


def test_a_workbook_of_an_old_excel_says_how_to_save_it(tmp_path: Path) -> None:
    with pytest.raises(RosterFailed, match=r"Save As > Excel Workbook \(\.xlsx\)") as failed:
        read(tmp_path, OLE + bytes(2000), "roster.xls")

    assert failed.value.slug == "old-excel"


def archive_of(names: list[str], method: int = ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w", method) as archive:
        for name in names:
            archive.writestr(name, b"<x/>")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        archive_of(["word/document.xml", "[Content_Types].xml", "_rels/.rels"]),
        archive_of(["mimetype", "content.xml"]),
        archive_of(["xl/workbook.bin", "[Content_Types].xml", "_rels/.rels"]),
        archive_of(["photo.jpg"]),
        b"%PDF-1.7 something",
        b"Group,Roll Number,Student Name,Mobile Number\r\n",
    ],
    ids=["word", "opendocument", "binary workbook", "zip", "pdf", "text under the name of a workbook"],
)
def test_what_only_bears_the_name_of_a_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    assert slug_of(tmp_path, content) == "not-a-workbook"


@pytest.mark.parametrize(
    "content",
    [
        xlsx(ASHA)[:3000],
        xlsx(ASHA)[:30],
        archive_of(["xl/workbook.xml", "[Content_Types].xml", "_rels/.rels"]),
        archive_of(["xl/workbook.xml", "[Content_Types].xml", "_rels/.rels"], ZIP_LZMA),
        repacked(xlsx(ASHA), {"xl/workbook.xml": b"<workbook"}),
        repacked(xlsx(ASHA), {SHEET: b"<worksheet><sheetData><row r='x'>"}),
        with_strings(xlsx(ASHA), "<si><t>never closed"),
        with_sheet(row_xml(*HEADINGS) + '<row><c t="s"><v>99</v></c></row>'),
    ],
    ids=[
        "cut",
        "stub",
        "empty parts",
        "odd compression",
        "no xml",
        "no sheet",
        "bad strings",
        "no such string",
    ],
)
def test_a_damaged_workbook_is_told_as_damaged(tmp_path: Path, content: bytes) -> None:
    assert slug_of(tmp_path, content) in ("damaged-file", "wrong-sheet")


def test_an_empty_file_is_told_as_empty(tmp_path: Path) -> None:
    assert slug_of(tmp_path, b"") == "empty-file"
    assert slug_of(tmp_path, b"", "roster.csv") == "empty-file"
