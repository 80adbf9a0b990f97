"""/sms_management/templates: the texts of SMS, their versions, previews and tests."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.accounts.trials import NoAddressOfYours, TooManyTests
from services.batch_jobs.schemas import BatchJobOut
from services.notifications.acceptance import TextNotAccepted
from services.notifications.editing import NothingToRevert
from services.notifications.schemas import (
    PreviewOut,
    Revert,
    SmsDraft,
    SmsPreview,
    SmsTexts,
    TemplateOut,
    TemplateQuery,
    TemplateSummary,
    VersionOut,
    VersionQuery,
    VersionTextsOut,
)
from services.notifications.service import TemplateNotFound
from services.ports import Channel
from utils.paging import PageOf

bp = Blueprint("sms_templates", __name__, url_prefix="/sms_management/templates")

READ, WRITE = Permission.TEMPLATE_READ, Permission.TEMPLATE_WRITE


@route(bp, "GET", "", permission=READ)
def list_templates(query: TemplateQuery, actor: Actor) -> PageOf[TemplateSummary]:
    """List the SMS templates, where their texts come from, and what they may name."""
    return services().templates.list_templates(Channel.SMS, query, actor)


@route(bp, "GET", "/<name>", permission=READ, raises=[TemplateNotFound])
def get_template(name: str, query: TemplateQuery, actor: Actor) -> TemplateOut:
    """Read the text that holds: the campus's own, else the platform's, else the one that ships."""
    return services().templates.get(Channel.SMS, name, query, actor)


@route(bp, "PUT", "/<name>", permission=WRITE, raises=[TemplateNotFound, TextNotAccepted])
def put_template(name: str, body: SmsTexts, revision: int | None, actor: Actor) -> TemplateOut:
    """Keep a new version, which holds from now on. Jobs that have begun keep the text they began with."""
    return services().template_editing.change(Channel.SMS, name, body, revision, actor)


@route(bp, "GET", "/<name>/versions", permission=READ, raises=[TemplateNotFound])
def list_versions(name: str, query: VersionQuery, actor: Actor) -> PageOf[VersionOut]:
    """List the versions of a campus's own text, or of the platform's: who wrote them, and when."""
    return services().templates.list_versions(Channel.SMS, name, query, actor)


@route(bp, "GET", "/<name>/versions/<int:version>", permission=READ, raises=[TemplateNotFound])
def get_version(name: str, version: int, query: TemplateQuery, actor: Actor) -> VersionTextsOut:
    """Read one version."""
    return services().templates.get_version(Channel.SMS, name, version, query, actor)


@route(bp, "POST", "/<name>/preview", permission=READ, raises=[TemplateNotFound, TextNotAccepted])
def preview(name: str, body: SmsPreview, actor: Actor) -> PreviewOut:
    """Show how the text that holds, or what is being tried of it, would look. Nothing is sent or kept."""
    return services().templates.preview(Channel.SMS, name, body, body.params, actor)


@route(
    bp,
    "POST",
    "/<name>/revert",
    permission=WRITE,
    raises=[TemplateNotFound, TextNotAccepted, NothingToRevert],
)
def revert(name: str, body: Revert, revision: int | None, actor: Actor) -> TemplateOut:
    """Let an older version hold again; version 0 is none of one's own. Nothing is lost by it."""
    return services().template_editing.revert(Channel.SMS, name, body, revision, actor)


@route(
    bp,
    "POST",
    "/<name>/test_send",
    permission=WRITE,
    status=202,
    raises=[TemplateNotFound, TextNotAccepted, NoAddressOfYours, TooManyTests],
)
def test_send(name: str, body: SmsDraft, actor: Actor) -> BatchJobOut:
    """Send the text that holds, or what is being tried of it, to your own address: one true message."""
    return services().template_trials.send(Channel.SMS, name, body, actor)
