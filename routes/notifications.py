"""/notifications: the own inbox."""

from flask import Blueprint

from models import Actor
from routes._kit.endpoint import SIGNED_IN, route
from routes._kit.services import services
from services.notifications.inbox import (
    NotificationNotFound,
    NotificationOut,
    NotificationQuery,
    ReadAll,
    UnreadCount,
)
from utils.paging import PageOf

bp = Blueprint("notifications", __name__, url_prefix="/notifications")


@route(bp, "GET", "", permission=SIGNED_IN)
def list_notifications(query: NotificationQuery, actor: Actor) -> PageOf[NotificationOut]:
    """List what lies in the own inbox, the newest first; ``unread=true`` leaves out what was read."""
    return services().inbox.list_own(query, actor)


@route(bp, "GET", "/unread_count", permission=SIGNED_IN)
def unread_count(actor: Actor) -> UnreadCount:
    """Count what is unread in the own inbox."""
    return services().inbox.unread(actor)


@route(bp, "POST", "/<notification_id>/read", permission=SIGNED_IN, raises=[NotificationNotFound])
def read_notification(notification_id: str, actor: Actor) -> NotificationOut:
    """Mark a notification as read; a second time changes nothing."""
    return services().inbox.read(notification_id, actor)


@route(bp, "POST", "/read_all", permission=SIGNED_IN)
def read_all(actor: Actor) -> ReadAll:
    """Mark everything in the own inbox as read."""
    return services().inbox.read_all(actor)
