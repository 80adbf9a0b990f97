"""/student_management/imports: rosters, from upload to commit."""

from importlib import import_module

from flask import Blueprint, Response

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.imports.roster.error_file import template_csv
from services.imports.schemas import (
    ImportCommit,
    ImportCreate,
    ImportOut,
    ImportQuery,
    ImportRowOut,
    ImportRowQuery,
    TemplateQuery,
)
from services.imports.service import ImportNotFound, ImportNotPreviewed
from services.imports.undo import ImportNotApplied, StudentsInUse
from utils.paging import PageOf

bp = Blueprint("student_imports", __name__, url_prefix="/student_management/imports")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"


@route(bp, "POST", "", permission=Permission.IMPORT_WRITE, status=202)
def upload(form: ImportCreate, actor: Actor) -> ImportOut:
    """Upload a roster (.csv or .xlsx). It is read in the background: watch it, or read it again."""
    return services().imports.upload(form, actor)


@route(bp, "GET", "", permission=Permission.IMPORT_READ)
def list_imports(query: ImportQuery, actor: Actor) -> PageOf[ImportOut]:
    """List imports, newest first."""
    return services().imports.list_imports(query, actor)


@route(bp, "GET", "/template", permission=Permission.IMPORT_WRITE, media_type=f"{XLSX}, {CSV}")
def template(query: TemplateQuery) -> Response:
    """Download an empty roster whose columns keep leading zeros."""
    if query.format == "csv":
        return _file(template_csv(), CSV, "roster.csv")
    # by name: a server need not carry what writes workbooks until somebody asks for one
    workbook: bytes = import_module("services.imports.roster.template").template_xlsx()
    return _file(workbook, XLSX, "roster.xlsx")


@route(bp, "GET", "/<import_id>", permission=Permission.IMPORT_READ, raises=[ImportNotFound])
def get_import(import_id: str, actor: Actor) -> ImportOut:
    """Read one import: its state, and how many rows do what."""
    return services().imports.get(import_id, actor)


@route(bp, "GET", "/<import_id>/rows", permission=Permission.IMPORT_READ, raises=[ImportNotFound])
def list_rows(import_id: str, query: ImportRowQuery, actor: Actor) -> PageOf[ImportRowOut]:
    """List the rows with what applying them does; ``outcome`` narrows."""
    return services().imports.list_rows(import_id, query, actor)


@route(
    bp,
    "GET",
    "/<import_id>/errors.csv",
    permission=Permission.IMPORT_READ,
    raises=[ImportNotFound],
    media_type=CSV,
)
def error_file(import_id: str, actor: Actor) -> Response:
    """Download the bad rows with their reasons: correct them and upload the file again."""
    lines = services().imports.error_file(import_id, actor)
    return _file(b"".join(lines), CSV, f"errors-{import_id}.csv")


@route(
    bp,
    "POST",
    "/<import_id>/commit",
    permission=Permission.IMPORT_WRITE,
    status=202,
    raises=[ImportNotFound, ImportNotPreviewed],
)
def commit(import_id: str, body: ImportCommit, actor: Actor) -> ImportOut:
    """Apply a previewed import: new and changed rows go in, new students are told how to log in."""
    return services().imports.commit(import_id, body, actor)


@route(
    bp,
    "POST",
    "/<import_id>/undo",
    permission=Permission.IMPORT_WRITE,
    status=202,
    raises=[ImportNotFound, ImportNotApplied, StudentsInUse],
)
def undo(import_id: str, actor: Actor) -> ImportOut:
    """Undo an applied import: whom it made is removed, what it changed is as it was before."""
    return services().import_undo.begin(import_id, actor)


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(
        content, content_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
