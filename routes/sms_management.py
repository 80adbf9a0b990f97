"""/sms_management: the texts of SMS."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.batch_jobs.channel_schemas import BalanceOut, ChannelOut
from services.batch_jobs.channels import ChannelNotPaused
from services.notifications.schemas import TemplateQuery, TemplateSummary
from services.ports import Channel
from utils.paging import PageOf

bp = Blueprint("sms_management", __name__, url_prefix="/sms_management")


@route(bp, "GET", "/templates", permission=Permission.TEMPLATE_READ)
def list_templates(query: TemplateQuery, actor: Actor) -> PageOf[TemplateSummary]:
    """List the SMS templates, where their texts come from, and what they may name."""
    return services().templates.list_templates(Channel.SMS, query, actor)


@route(bp, "GET", "/status", permission=Permission.CHANNEL_READ)
def channel_status() -> ChannelOut:
    """Show whether SMS messages are sent, how fast, and what the provider's account still holds."""
    return services().channels.status(Channel.SMS)


@route(bp, "GET", "/balance", permission=Permission.CHANNEL_READ)
def channel_balance() -> BalanceOut:
    """Show what the provider's account may still send by SMS; it is asked at most twice a minute."""
    return services().channels.balance(Channel.SMS)


@route(bp, "POST", "/channel/resume", permission=Permission.CHANNEL_RESUME, raises=[ChannelNotPaused])
def resume_channel(actor: Actor) -> ChannelOut:
    """Send by SMS again after the provider had refused the account, for every server."""
    return services().channels.resume(Channel.SMS, actor)
