"""/email_management: the outbox, where messages lie on a machine that sends none."""

from datetime import datetime

from flask import Blueprint, current_app
from pydantic import BaseModel, ConfigDict, Field

from config.constants import PAGE_LIMIT, PAGE_LIMIT_MAX
from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.batch_jobs.channel_schemas import BalanceOut, ChannelOut
from services.batch_jobs.channels import ChannelNotPaused
from services.ports import Channel
from utils.problems import NotFound

bp = Blueprint("email_management", __name__, url_prefix="/email_management")


class OutboxQuery(BaseModel):
    """``before`` is the ``next_before`` of the page that came before."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(PAGE_LIMIT, ge=1, le=PAGE_LIMIT_MAX)
    before: int | None = Field(None, ge=0, le=2**53)


class OutboxMessage(BaseModel):
    """A message as its recipient would have got it, its one-time link included."""

    delivery_id: str
    channel: Channel
    to: str
    subject: str = Field(repr=False)
    text: str = Field(repr=False)
    html: str = Field(repr=False)
    sent_at: datetime


class OutboxPage(BaseModel):
    """Messages, newest first; ``next_before`` is null on the last page."""

    items: list[OutboxMessage]
    next_before: int | None


@route(bp, "GET", "/outbox", permission=Permission.OUTBOX_READ, raises=[NotFound])
def read_outbox(query: OutboxQuery) -> OutboxPage:
    """Read the outbox of a development machine: for superadmins. Elsewhere there is none, and this is 404."""
    outbox = services().outbox
    if outbox is None or current_app.extensions["versant"].settings.production:
        raise NotFound()
    messages, next_before = outbox.read(query.limit, query.before)
    return OutboxPage(
        items=[OutboxMessage.model_validate(message) for message in messages], next_before=next_before
    )


@route(bp, "GET", "/status", permission=Permission.CHANNEL_READ)
def channel_status() -> ChannelOut:
    """Show whether email messages are sent, how fast, and what the provider's account still holds."""
    return services().channels.status(Channel.EMAIL)


@route(bp, "GET", "/balance", permission=Permission.CHANNEL_READ)
def channel_balance() -> BalanceOut:
    """Show what the provider's account may still send by email; it is asked at most twice a minute."""
    return services().channels.balance(Channel.EMAIL)


@route(bp, "POST", "/channel/resume", permission=Permission.CHANNEL_RESUME, raises=[ChannelNotPaused])
def resume_channel(actor: Actor) -> ChannelOut:
    """Send by email again after the provider had refused the account, for every server."""
    return services().channels.resume(Channel.EMAIL, actor)
