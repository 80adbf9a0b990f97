"""/email_management and /sms_management: what became of messages, and to whom nothing is sent any more."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.batch_jobs.delivery_log import DeliveryNotFound
from services.batch_jobs.log_schemas import (
    DeliveryHistoryOut,
    DeliveryOut,
    DeliveryQuery,
    StatisticsOut,
    StatisticsQuery,
)
from services.notifications.suppression import SuppressionNotFound, SuppressionOut
from services.ports import Channel
from utils.paging import PageOf, PageQuery


def _deliveries(bp: Blueprint, channel: Channel) -> None:
    @route(bp, "GET", "/deliveries", permission=Permission.DELIVERY_READ)
    def list_deliveries(query: DeliveryQuery, actor: Actor) -> PageOf[DeliveryOut]:
        """List messages of this channel, the newest first; a recipient, a job and a state narrow the list."""
        return services().delivery_log.list_deliveries(channel, query, actor)

    @route(
        bp,
        "GET",
        "/deliveries/<delivery_id>",
        permission=Permission.DELIVERY_READ,
        raises=[DeliveryNotFound],
    )
    def get_delivery(delivery_id: str, actor: Actor) -> DeliveryHistoryOut:
        """Read one message with everything that became of it; never its text, never the address."""
        return services().delivery_log.get(channel, delivery_id, actor)

    @route(bp, "GET", "/statistics", permission=Permission.DELIVERY_READ)
    def statistics(query: StatisticsQuery, actor: Actor) -> StatisticsOut:
        """Count what became of the messages of this channel, all in all and by the day they were made."""
        return services().delivery_log.statistics(channel, query, actor)


def _suppressions(bp: Blueprint, channel: Channel) -> None:
    @route(bp, "GET", "/suppressions", permission=Permission.SUPPRESSION_READ)
    def list_suppressions(query: PageQuery, actor: Actor) -> PageOf[SuppressionOut]:
        """List whom nothing more is sent to over this channel, the newest first, and why."""
        return services().suppressions.list_newest(channel, query, actor)

    @route(
        bp,
        "DELETE",
        "/suppressions/<suppression_id>",
        permission=Permission.SUPPRESSION_DELETE,
        status=204,
        raises=[SuppressionNotFound],
    )
    def lift_suppression(suppression_id: str, actor: Actor) -> None:
        """Let messages go to an address again. It is audited."""
        services().suppressions.lift(channel, suppression_id, actor)


def _of(channel: Channel) -> Blueprint:
    bp = Blueprint(f"{channel}_messages", __name__, url_prefix=f"/{channel}_management")
    _deliveries(bp, channel)
    _suppressions(bp, channel)
    return bp


email_bp, sms_bp = _of(Channel.EMAIL), _of(Channel.SMS)
