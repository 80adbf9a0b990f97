"""What became of messages: one by one with their history, and in figures."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

from models import Actor
from services.batch_jobs.documents import Delivery
from services.batch_jobs.log_repository import LogRepository
from services.batch_jobs.log_schemas import (
    DEFAULT_DAYS,
    MOST_DAYS,
    DayStatistics,
    DeliveryHistoryOut,
    DeliveryOut,
    DeliveryQuery,
    Rates,
    StatisticsOut,
    StatisticsQuery,
)
from services.batch_jobs.schemas import DeliveryCounts
from services.ports import Channel
from utils.clock import Clock
from utils.paging import Keyset, PageOf
from utils.problems import NotFound

ONE_DAY = timedelta(days=1)


class DeliveryNotFound(NotFound):
    """No such message, or not one of your place, or of another channel."""

    title = "No such delivery"


class DeliveryLog:
    """Shows deliveries of the actor's scope, one channel at a time."""

    def __init__(self, log: LogRepository, clock: Clock) -> None:
        self._log, self._clock = log, clock

    def list_deliveries(self, channel: Channel, query: DeliveryQuery, actor: Actor) -> PageOf[DeliveryOut]:
        """Return a page of messages, the newest first."""
        wanted = {"recipient_id": query.recipient_id, "job_id": query.job_id, "state": query.state}
        filters = {name: str(value) for name, value in wanted.items() if value is not None}
        named = "recipient_id" in filters or "job_id" in filters
        sorts, default = ({"id": "_id"}, "-id") if named else ({"created_at": "created_at"}, "-created_at")
        keyset = Keyset.of(query, sorts, default)
        rows = self._log.list_deliveries(actor.scope, channel, filters, keyset)
        return keyset.page(rows, lambda row: DeliveryOut(**DeliveryOut.fields(Delivery.from_mongo(row))))

    def get(self, channel: Channel, delivery_id: str, actor: Actor) -> DeliveryHistoryOut:
        """Return one message with its whole history."""
        found = self._log.find(actor.scope, channel, delivery_id)
        if found is None:
            raise DeliveryNotFound()
        return DeliveryHistoryOut.of(found)

    def statistics(self, channel: Channel, query: StatisticsQuery, actor: Actor) -> StatisticsOut:
        """Return how a channel's messages did, all in all and day by day."""
        begin, end = self._days(query)
        tallies = self._log.tallies(actor.scope, channel, _midnight(begin), _midnight(end + ONE_DAY))
        total: Counter[str] = Counter()
        by_day: dict[str, Counter[str]] = {}
        for tally in tallies:
            total[tally.state] += tally.count
            by_day.setdefault(tally.day, Counter())[tally.state] += tally.count
        counts = DeliveryCounts(**total)
        return StatisticsOut(
            channel=channel,
            begin=begin,
            end=end,
            total=total.total(),
            counts=counts,
            rates=Rates.of(counts),
            days=[DayStatistics(date=date.fromisoformat(day), **by_day[day]) for day in sorted(by_day)],
        )

    def _days(self, query: StatisticsQuery) -> tuple[date, date]:
        """Return the first and the last day; one that is not given lies as far from the other as usual."""
        today, usual = self._clock.now().date(), timedelta(days=DEFAULT_DAYS - 1)
        end = query.end or (min(today, query.begin + timedelta(days=MOST_DAYS - 1)) if query.begin else today)
        begin = query.begin or end - usual
        return begin, max(begin, end)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
