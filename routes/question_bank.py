"""/question_bank: questions and their versions, modules and levels."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.questions.paper import PaperQuestion
from services.questions.problems import (
    ModuleNotFound,
    QuestionInUse,
    QuestionIsRetired,
    QuestionNotFound,
    QuestionNotYours,
)
from services.questions.schemas import (
    ModuleOut,
    ModulePut,
    Modules,
    QuestionCreate,
    QuestionOut,
    QuestionQuery,
    QuestionRow,
    VersionOut,
    VersionRow,
)
from services.questions.selection import PoolOut, PoolQuery
from services.questions.trial import Preview, PreviewOut
from utils.paging import PageOf, PageQuery

bp = Blueprint("question_bank", __name__, url_prefix="/question_bank")

READ, WRITE = Permission.QUESTION_READ, Permission.QUESTION_WRITE
CHANGING = [QuestionNotFound, QuestionNotYours]


@route(bp, "POST", "/questions", permission=WRITE, status=201)
def create_question(body: QuestionCreate, actor: Actor) -> QuestionOut:
    """Make a question. Without ``campus_id`` it is your campus's, or the platform's if you have none."""
    return services().questions.create(body, actor)


@route(bp, "GET", "/questions", permission=READ)
def list_questions(query: QuestionQuery, actor: Actor) -> PageOf[QuestionRow]:
    """List the questions of your campus and of the platform, newest first."""
    return services().questions.list_questions(query, actor)


@route(bp, "GET", "/questions/<question_id>", permission=READ, raises=[QuestionNotFound])
def get_question(question_id: str, actor: Actor) -> QuestionOut:
    """Read a question as its author wrote it, key included."""
    return services().questions.get(question_id, actor)


@route(bp, "PUT", "/questions/<question_id>", permission=WRITE, raises=[*CHANGING, QuestionIsRetired])
def put_question(question_id: str, body: QuestionCreate, revision: int | None, actor: Actor) -> QuestionOut:
    """Change a question: a new version. What a test has pinned stays as it is."""
    return services().questions.change(question_id, body, revision, actor)


@route(bp, "POST", "/questions/<question_id>/retire", permission=WRITE, status=200, raises=CHANGING)
def retire_question(question_id: str, revision: int | None, actor: Actor) -> QuestionOut:
    """Retire a question: it goes into no new test."""
    return services().questions.retire(question_id, revision, actor)


@route(
    bp,
    "DELETE",
    "/questions/<question_id>",
    permission=WRITE,
    status=204,
    raises=[*CHANGING, QuestionInUse],
)
def delete_question(question_id: str, actor: Actor) -> None:
    """Remove a question that was never used."""
    services().questions.remove(question_id, actor)


@route(bp, "GET", "/questions/<question_id>/versions", permission=READ, raises=[QuestionNotFound])
def list_versions(question_id: str, query: PageQuery, actor: Actor) -> PageOf[VersionRow]:
    """List the versions of a question, newest first."""
    return services().questions.list_versions(question_id, query, actor)


@route(
    bp, "GET", "/questions/<question_id>/versions/<int:number>", permission=READ, raises=[QuestionNotFound]
)
def get_version(question_id: str, number: int, actor: Actor) -> VersionOut:
    """Read one version as its author wrote it."""
    return services().questions.version(question_id, number, actor)


@route(bp, "GET", "/questions/<question_id>/paper", permission=READ, raises=[QuestionNotFound])
def get_paper(question_id: str, actor: Actor) -> PaperQuestion:
    """See a question as a student does while sitting."""
    return services().questions.paper(question_id, actor)


@route(bp, "POST", "/questions/<question_id>/preview", permission=READ, status=200, raises=[QuestionNotFound])
def preview_answer(question_id: str, body: Preview, actor: Actor) -> PreviewOut:
    """See what an answer earns, by which rule, and what a review shows. Nothing is stored."""
    return services().question_trials.preview(question_id, body, actor)


@route(bp, "GET", "/pool", permission=READ)
def see_pool(query: PoolQuery, actor: Actor) -> PoolOut:
    """See what a pool gives now: unused questions first, then the least used, no two that look equal."""
    return services().question_selection.pool(query, actor)


@route(bp, "GET", "/modules", permission=Permission.MODULE_READ)
def list_modules() -> Modules:
    """List modules with their levels and topics, in their order."""
    return services().question_modules.list_modules()


@route(bp, "GET", "/modules/<key>", permission=Permission.MODULE_READ, raises=[ModuleNotFound])
def get_module(key: str) -> ModuleOut:
    """Read one module."""
    return services().question_modules.named(key)


@route(bp, "PUT", "/modules/<key>", permission=Permission.MODULE_WRITE)
def put_module(key: str, body: ModulePut, revision: int | None, actor: Actor) -> ModuleOut:
    """Make a module, or change its name, levels and topics."""
    return services().question_modules.put(key, body, revision, actor)
