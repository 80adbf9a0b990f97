"""/test_management: tests, from the first plan to the archive."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.assessments.audience import AudienceOut
from services.assessments.previewing import PaperPreview, PreviewQuery
from services.assessments.problems import (
    AssessmentIsNoDraft,
    AssessmentIsOver,
    AssessmentNotFound,
    AssessmentNotReady,
    AssessmentStillRuns,
    BlueprintIsFrozen,
)
from services.assessments.schemas import (
    AssessmentClone,
    AssessmentCreate,
    AssessmentOut,
    AssessmentQuery,
    AssessmentRow,
    AssessmentUpdate,
)
from services.campuses.problems import NotOnlyYours
from utils.paging import PageOf, PageQuery

bp = Blueprint("test_management", __name__, url_prefix="/test_management")

READ, WRITE, PUBLISH = Permission.TEST_READ, Permission.TEST_WRITE, Permission.TEST_PUBLISH
CHANGING = [AssessmentNotFound, NotOnlyYours]


@route(bp, "POST", "/tests", permission=WRITE, status=201)
def create_test(body: AssessmentCreate, actor: Actor) -> AssessmentOut:
    """Plan a test: a draft. Without ``campus_id`` it is your campus's."""
    return services().assessments.create(body, actor)


@route(bp, "GET", "/tests", permission=READ)
def list_tests(query: AssessmentQuery, actor: Actor) -> PageOf[AssessmentRow]:
    """List tests, the newest first."""
    return services().assessments.list_tests(query, actor)


@route(bp, "GET", "/tests/<test_id>", permission=READ, raises=[AssessmentNotFound])
def get_test(test_id: str, actor: Actor) -> AssessmentOut:
    """Read a test."""
    return services().assessments.get(test_id, actor)


@route(
    bp,
    "PATCH",
    "/tests/<test_id>",
    permission=WRITE,
    raises=[*CHANGING, BlueprintIsFrozen, AssessmentIsOver],
)
def change_test(test_id: str, body: AssessmentUpdate, revision: int | None, actor: Actor) -> AssessmentOut:
    """Change a draft, or the name, window, duration and attempts of a published test."""
    return services().assessments.change(test_id, body, revision, actor)


@route(
    bp, "DELETE", "/tests/<test_id>", permission=WRITE, status=204, raises=[*CHANGING, AssessmentIsNoDraft]
)
def delete_test(test_id: str, actor: Actor) -> None:
    """Remove a draft."""
    services().assessments.remove(test_id, actor)


@route(bp, "POST", "/tests/<test_id>/clone", permission=WRITE, status=201, raises=CHANGING)
def clone_test(test_id: str, body: AssessmentClone | None, actor: Actor) -> AssessmentOut:
    """Plan the same test once more, as a draft."""
    return services().assessments.clone(test_id, body.name if body else None, actor)


@route(
    bp,
    "POST",
    "/tests/<test_id>/publish",
    permission=PUBLISH,
    raises=[*CHANGING, AssessmentIsNoDraft, AssessmentNotReady],
)
def publish_test(test_id: str, revision: int | None, actor: Actor) -> AssessmentOut:
    """Publish a draft: pools are resolved, versions pinned, the paper written; none of it changes again."""
    return services().assessment_publishing.publish(test_id, revision, actor)


@route(bp, "POST", "/tests/<test_id>/cancel", permission=PUBLISH, raises=[*CHANGING, AssessmentIsOver])
def cancel_test(test_id: str, revision: int | None, actor: Actor) -> AssessmentOut:
    """Cancel a test: nobody begins it any more."""
    return services().assessment_publishing.cancel(test_id, revision, actor)


@route(bp, "POST", "/tests/<test_id>/archive", permission=PUBLISH, raises=[*CHANGING, AssessmentStillRuns])
def archive_test(test_id: str, revision: int | None, actor: Actor) -> AssessmentOut:
    """Put a test away that is over, cancelled, a draft or practice."""
    return services().assessment_publishing.archive(test_id, revision, actor)


@route(bp, "GET", "/tests/<test_id>/audience", permission=READ, raises=[AssessmentNotFound])
def get_audience(test_id: str, query: PageQuery, actor: Actor) -> AudienceOut:
    """List the students who take a test, by name, and count them."""
    return services().audiences.page(test_id, query, actor)


@route(
    bp, "GET", "/tests/<test_id>/preview", permission=READ, raises=[AssessmentNotFound, AssessmentNotReady]
)
def preview_test(test_id: str, query: PreviewQuery, actor: Actor) -> PaperPreview:
    """See a test as a student does while sitting."""
    return services().paper_previews.show(test_id, query, actor)
