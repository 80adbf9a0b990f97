"""/sms_management: the channel of SMS, its provider and its account."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.batch_jobs.channel_schemas import BalanceOut, ChannelOut
from services.batch_jobs.channels import ChannelNotPaused
from services.ports import Channel

bp = Blueprint("sms_management", __name__, url_prefix="/sms_management")


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
