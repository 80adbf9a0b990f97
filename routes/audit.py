"""/audit: who did what to what, when; and that the log is as it was written."""

from flask import Blueprint, Response

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.audit.log import ChainNotFound
from services.audit.schemas import AuditFilter, AuditOut, AuditQuery, ChainOut, ChainQuery
from utils.paging import PageOf

bp = Blueprint("audit", __name__, url_prefix="/audit")


@route(bp, "GET", "", permission=Permission.AUDIT_READ)
def list_records(query: AuditQuery, actor: Actor) -> PageOf[AuditOut]:
    """Read the audit log, newest first; every filter narrows."""
    return services().audit_log.list_records(query, actor)


@route(bp, "GET", "/chain", permission=Permission.AUDIT_READ, raises=[ChainNotFound])
def get_chain(query: ChainQuery, actor: Actor) -> ChainOut:
    """Check the newest rows of a campus's chain. The command ``verify-audit`` checks all of it."""
    return services().audit_log.chain(query, actor)


@route(bp, "GET", "/export.csv", permission=Permission.AUDIT_EXPORT, media_type="text/csv")
def export_records(query: AuditFilter, actor: Actor) -> Response:
    """Download the audit log with the places in its chains, so that it can be checked outside."""
    lines = services().audit_log.export(query, actor)
    name = 'attachment; filename="audit.csv"'
    return Response(lines, content_type="text/csv", headers={"Content-Disposition": name})
