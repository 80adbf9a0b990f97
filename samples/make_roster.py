"""Writes a roster of invented students. Run: python samples/make_roster.py [--rows N] [--out FILE]."""

import argparse
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

HERE: Final = Path(__file__).resolve().parent
HEADINGS: Final = ("Group", "Roll Number", "Student Name", "Mobile Number", "Email")
FAMILY_EVERY: Final = 25  # every 25th student shares an address with the one before: siblings
FIRST_MOBILE: Final = 6_000_000_000  # valid in form; the start of a range, hardly given to anybody
SAME_DAY: Final = (2024, 1, 1, 0, 0, 0)  # so that the same rows give the same file, byte for byte

NAMES: Final = (
    (
        ("Aarav", "Meera", "Zoë", "José", "Renée", "Łukasz", "Søren", "Anaïs", "Björn", "Chloé"),
        ("Sharma", "D'Souza", "Fernández", "Müller", "O'Brien", "Nair-Menon", "Đặng", "Rao", "Šimek", "Khan"),
    ),
    (
        ("आरव", "प्रिया", "रोहन", "कृष्णा", "श्रेया", "विक्रम", "ज्योति", "अदिति", "हर्ष", "नेहा"),
        ("शर्मा", "वर्मा", "त्रिपाठी", "क्षीरसागर", "मिश्रा", "यादव", "जोशी", "सिंह", "गुप्ता", "कुलकर्णी"),
    ),
    (
        ("கார்த்திக்", "பிரியா", "அருண்", "மீனாட்சி", "சூர்யா", "லட்சுமி", "வேலன்", "கவிதா", "முருகன்", "தமிழ்"),
        ("சுப்ரமணியன்", "ராஜன்", "செல்வம்", "நடராஜன்", "பாண்டியன்", "குமார்", "ரவி", "மணி", "கண்ணன்", "வேலு"),
    ),
    (
        ("محمد", "فاطمة", "عائشة", "يوسف", "زينب", "عمر", "مريم", "حسن", "سارة", "إبراهيم"),
        ("خان", "انصاری", "شیخ", "صدیقی", "قریشی", "بیگ", "مرزا", "حسینی", "فاروقی", "رضا"),
    ),
    (
        ("వెంకట", "లక్ష్మి", "శ్రీనివాస్", "పద్మ", "రాజేష్", "అనూష", "కిరణ్", "సంధ్య", "ప్రసాద్", "దివ్య"),
        ("రెడ్డి", "నాయుడు", "రావు", "శాస్త్రి", "చౌదరి", "గౌడ్", "వర్మ", "శర్మ", "కుమార్", "బాబు"),
    ),
    (
        ("അനന്തു", "ലക്ഷ്മി", "ശ്രീജിത്ത്", "മീര", "വിഷ്ണു", "ദേവിക", "അർജുൻ", "നന്ദന", "രാഹുൽ", "ഗായത്രി"),
        ("നായർ", "മേനോൻ", "പിള്ള", "വാര്യർ", "കുറുപ്പ്", "നമ്പ്യാർ", "തോമസ്", "ജോസഫ്", "മാത്യു", "രാജൻ"),
    ),
)


def students(count: int) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield invented students in the order of the headings; the same ones every time."""
    for number in range(count):
        group = ("CSE", "ECE")[number % 2]
        first_names, last_names = NAMES[number // 2 % len(NAMES)]
        name = f"{first_names[number // 12 % 10]} {last_names[number // 120 % 10]}"
        family = number - 1 if number % FAMILY_EVERY == FAMILY_EVERY - 1 else number
        domain = ("example.com", "example.org")[family % 2]
        mobile = str(FIRST_MOBILE + number)
        yield group, f"00{21 + number % 2}{number + 1:05d}", name, mobile, f"student{family + 1:05d}@{domain}"


def workbook(count: int) -> bytes:
    """Return a workbook whose cells are all text, so that leading zeros survive."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Students")
    for row in (HEADINGS, *students(count)):
        cells = [WriteOnlyCell(sheet, value) for value in row]
        for cell in cells:
            cell.number_format = "@"
        sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return dateless(file.getvalue())


def dateless(content: bytes) -> bytes:
    """Return the same workbook without the time at which it was written."""
    file = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as old, ZipFile(file, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "docProps/core.xml":
                part = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", b"2024-01-01T00:00:00Z", part)
            new.writestr(ZipInfo(name, SAME_DAY), part, ZIP_DEFLATED)
    return file.getvalue()


def main() -> None:
    """Write the file that the arguments ask for."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=500)
    arguments.add_argument("--out", type=Path, default=HERE / "roster_500.xlsx")
    wanted = arguments.parse_args()
    wanted.out.write_bytes(workbook(wanted.rows))


if __name__ == "__main__":
    main()
