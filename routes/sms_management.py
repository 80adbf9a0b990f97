"""/sms_management: the texts of SMS."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.notifications.schemas import TemplateQuery, TemplateSummary
from services.ports import Channel
from utils.paging import PageOf

bp = Blueprint("sms_management", __name__, url_prefix="/sms_management")


@route(bp, "GET", "/templates", permission=Permission.TEMPLATE_READ)
def list_templates(query: TemplateQuery, actor: Actor) -> PageOf[TemplateSummary]:
    """List the SMS templates, where their texts come from, and what they may name."""
    return services().templates.list_templates(Channel.SMS, query, actor)
