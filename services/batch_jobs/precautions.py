"""Before and after the sending of a sub-batch: to whom nothing is sent, and what is sent once more."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from uuid import uuid4

from services.batch_jobs.composing import Composer
from services.batch_jobs.delivery_repository import DeliveryRepository
from services.batch_jobs.documents import BatchJob, Delivery, DeliveryState, RepeatPolicy, SubBatch
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

    def before(self, scope: Scope, sub_batch: SubBatch, composer: Composer) -> Sequence[Delivery]:
        """Skip, before any call, what would be of no use; return what is open.

        That is what would go to addresses that nothing is sent to, and what carries something that has ended
        while the message was paused, scheduled, or waited to be tried again.
        """
        found = self._deliveries.open_in(scope, sub_batch.id)
        reasons = {**composer.renew(found), **self._suppressed(sub_batch, found)}
        for reason in sorted(set(reasons.values())):
            ids = [delivery_id for delivery_id, why in reasons.items() if why == reason]
            self._deliveries.leave_out(scope, ids, reason)
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

    def _suppressed(self, sub_batch: SubBatch, found: Sequence[Delivery]) -> Mapping[str, str]:
        rows = {row.id: row.to for row in found if row.to and _waits(row)}
        reasons = self._suppressions.among(sub_batch.campus_id, sub_batch.channel, list(rows.values()))
        return {key: f"suppressed: {reasons[to]}" for key, to in rows.items() if to in reasons}

    def _again(self, scope: Scope, unit: Sequence[Delivery]) -> float:
        """Make a unit pending anew if its time has come; return the seconds until it has."""
        age = self._deliveries.seconds_since(scope, unit[0].id, "first_call_at")
        if age < self._settle_seconds:
            return self._settle_seconds - age
        self._deliveries.send_again(scope, [row.id for row in unit], str(uuid4()))
        return 0.0


def _waits(delivery: Delivery) -> bool:
    return delivery.state is DeliveryState.PENDING
