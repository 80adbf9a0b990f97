"""The template as a workbook, with columns of text so that leading zeros survive."""

import io
from typing import Final

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from services.imports.roster.lines import Column

TEXT_FORMAT: Final = "@"
WIDTH: Final = 24


def template_xlsx() -> bytes:
    """Return an empty roster: the headings over columns that are typed as text."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Students"
    sheet.append([column.label for column in Column])
    sheet.freeze_panes = "A2"
    for number, cell in enumerate(sheet[1], 1):
        cell.font = Font(bold=True)
        cell.number_format = TEXT_FORMAT
        dimension = sheet.column_dimensions[get_column_letter(number)]
        dimension.number_format = TEXT_FORMAT
        dimension.width = WIDTH
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
