"""/auth/sessions: where one is logged in, and ending that."""

from flask import Blueprint

from models import Actor
from routes._kit.endpoint import SIGNED_IN, route
from routes._kit.services import services
from services.accounts.own_sessions import SessionNotFound
from services.accounts.schemas import EndSessionsQuery, SessionOut
from utils.paging import PageOf

bp = Blueprint("auth_sessions", __name__, url_prefix="/auth/sessions")


@route(bp, "GET", "", permission=SIGNED_IN)
def list_sessions(actor: Actor) -> PageOf[SessionOut]:
    """List where you are logged in, newest first: ten sessions at most, all on one page."""
    return services().own_sessions.list_mine(actor)


@route(bp, "DELETE", "/<session_id>", permission=SIGNED_IN, status=204, raises=[SessionNotFound])
def end_session(session_id: str, actor: Actor) -> None:
    """End one of your sessions, such as that of a lost phone; its tokens and sockets end with it."""
    services().own_sessions.end(session_id, actor)


@route(bp, "DELETE", "", permission=SIGNED_IN, status=204)
def end_sessions(query: EndSessionsQuery, actor: Actor) -> None:
    """End all your other sessions; with ``also_this`` the one that asks, too."""
    services().own_sessions.end_all(actor, also_this=query.also_this)
