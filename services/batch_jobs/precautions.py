"""Before and after the sending of a sub-batch: to whom nothing is sent, and what is sent once more."""

from collections.abc import Sequence
from itertools import groupby
from uuid import uuid4

from services.batch_jobs.documents import BatchJob, Delivery, DeliveryState, RepeatPolicy, SubBatch
from services.batch_jobs.repository import DeliveryRepository
from services.notifications.suppression import SuppressionService
from services.ports import Later
from utils.scope import Scope


class Precautions:
    """``settle_seconds``: how long the provider may take to tell what became of an unknown message."""

    def __init__(
        self, deliveries: DeliveryRepository, suppressions: SuppressionService, settle_seconds: float
    ) -> None:
        self._deliveries, self._suppressions = deliveries, suppressions
        self._settle_seconds = settle_seconds

    def before(self, scope: Scope, sub_batch: SubBatch) -> Sequence[Delivery]:
        """Skip what would go to addresses that nothing is sent to, before any call; return what is open."""
        found = self._deliveries.open_in(scope, sub_batch.id)
        rows = [row for row in found if _waits(row)]
        addresses = [row.to for row in rows if row.to]
        reasons = self._suppressions.among(sub_batch.campus_id, sub_batch.channel, addresses)
        for reason in sorted(set(reasons.values())):
            ids = [row.id for row in rows if reasons.get(row.to or "") == reason]
            self._deliveries.leave_out(scope, ids, f"suppressed: {reason}")
        return self._deliveries.open_in(scope, sub_batch.id) if reasons else found

    def after(self, scope: Scope, job: BatchJob, sub_batch: SubBatch) -> Later | None:
        """Say when to come back for messages that nobody knows about; None when nothing of it is left to do.

        With ``at_most_once`` such a message stays unknown unless the provider tells. With ``at_least_once``
        it is sent once more, under a new key, when the provider has not told in time.
        """
        if job.policy is not RepeatPolicy.AT_LEAST_ONCE:
            return None
        rows = self._deliveries.in_doubt(scope, sub_batch.id)
        waits = [self._again(scope, list(unit)) for _, unit in groupby(rows, key=lambda row: row.unit)]
        return Later(min(waits)) if waits else None

    def _again(self, scope: Scope, unit: Sequence[Delivery]) -> float:
        """Make a unit pending anew if its time has come; return the seconds until it has."""
        age = self._deliveries.seconds_since(scope, unit[0].id, "first_call_at")
        if age < self._settle_seconds:
            return self._settle_seconds - age
        self._deliveries.send_again(scope, [row.id for row in unit], str(uuid4()))
        return 0.0


def _waits(delivery: Delivery) -> bool:
    return delivery.state is DeliveryState.PENDING
