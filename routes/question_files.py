"""/question_bank/imports and /question_bank/export: questions as files."""

from flask import Blueprint, Response

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.questions.exchange.schemas import ImportedQuestions, QuestionExport, QuestionImport
from utils.problems import Unavailable

bp = Blueprint("question_files", __name__, url_prefix="/question_bank")


@route(bp, "POST", "/imports", permission=Permission.QUESTION_WRITE, status=201, raises=[Unavailable])
def import_questions(form: QuestionImport, actor: Actor) -> ImportedQuestions:
    """Put the questions of a file into the bank: GIFT, CSV or XLSX.

    Those that are wrong are told with their line and a reason, those that are there already with where; the
    others go in together.
    """
    return services().question_imports.take(form, actor)


@route(bp, "GET", "/export", permission=Permission.QUESTION_READ, media_type="text/plain")
def export_questions(query: QuestionExport, actor: Actor) -> Response:
    """Download questions with their keys, as GIFT or CSV; the filters are those of the list.

    ``X-Left-Out`` says how many are not in the file: of a type for which the format has no words.
    """
    made = services().question_exports.file(query, actor)
    media_type = "text/csv" if query.format == "csv" else "text/plain; charset=utf-8"
    named = {"Content-Disposition": f'attachment; filename="questions.{query.format}"'}
    return Response(
        made.content, content_type=media_type, headers={**named, "X-Left-Out": str(made.left_out)}
    )
