"""Sending one sub-batch: whatever dies at whatever line, nobody gets a message twice and nobody is forgotten.

``sending`` is written before the provider is called. What is found in that state by a later claim may or may
not have left: where the provider knows repeated units (by key or by delivery id) the same unit is simply
repeated within the time that it remembers; where it does not, the delivery becomes ``unknown``.
"""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, Protocol

from pymongo.errors import PyMongoError

from services.batch_jobs.brake import Brake
from services.batch_jobs.composing import Composer, MessagesRefused, Pinned
from services.batch_jobs.delivery_repository import DeliveryRepository
from services.batch_jobs.documents import BatchJob, Delivery, DeliveryState, JobType, SubBatch
from services.batch_jobs.gate import GIVE_UP_SECONDS, Gate, Passage
from services.batch_jobs.lifecycle import Lifecycle
from services.batch_jobs.precautions import Precautions
from services.batch_jobs.repository import BatchJobRepository
from services.batch_jobs.service import scope_of
from services.ports import (
    JSON,
    Accepted,
    Ambiguous,
    Blocked,
    Busy,
    Channel,
    Done,
    JobResult,
    Later,
    Lease,
    MessageSender,
    Refused,
    SendUnit,
)
from utils.batch_processor import halves
from utils.scope import Scope

REPEAT_MARGIN: Final = 0.9  # share of the provider's memory that is relied on
SETTLE_TRIES: Final = 12
NOT_ALLOWED: Final = "whoever started this may no longer send messages"
NOT_CALLED: Final = "interrupted before the provider was called; nothing was sent"


class Rights(Protocol):
    """Answers for the accounts area, which comes later."""

    def may_send(
        self, user_id: str, job_type: JobType, campus_id: str | None, course_ids: Sequence[str]
    ) -> bool:
        """Tell whether this person may still send messages of this kind in all of these courses."""


class SubBatchSending:
    """Handles the engine jobs of sub-batches."""

    def __init__(
        self,
        jobs: BatchJobRepository,
        deliveries: DeliveryRepository,
        senders: Mapping[Channel, MessageSender],
        composers: Mapping[JobType, Composer],
        lifecycle: Lifecycle,
        rights: Rights,
        precautions: Precautions,
        gate: Gate,
    ) -> None:
        self._precautions = precautions
        self._jobs, self._deliveries = jobs, deliveries
        self._senders, self._composers = senders, composers
        self._lifecycle, self._rights, self._gate = lifecycle, rights, gate

    def run(self, lease: Lease) -> JobResult:
        """Send what is open in a sub-batch, then see whether the job is at its end."""
        scope = scope_of(_campus(lease.args))
        job = self._jobs.find(scope, str(lease.args["job_id"]))
        sub_batch = self._jobs.find_sub_batch(scope, str(lease.args["sub_batch_id"]))
        if job is None or sub_batch is None:
            return Done()
        if (nothing := self._lifecycle.enter(lease, job, sub_batch)) is not None:
            return nothing
        own, brake = self._lifecycle.guarded(lease, job, sub_batch)
        if not self._rights.may_send(job.created_by, job.type, job.campus_id, job.course_ids):
            self._lifecycle.give_up(scope, sub_batch.id, NOT_ALLOWED, own.fence)
        composer = self._composers[job.type]
        rows = self._precautions.before(scope, sub_batch, composer)
        sender = self._senders[sub_batch.channel]
        passage = self._gate.passage(scope, job, sub_batch, sender, own)
        message_of = Pinned(composer, self._jobs.version(job.template_version, sub_batch.channel))
        run = UnitSending(self._deliveries, scope, own, sender, message_of, passage)
        try:
            for pause in run.units(sub_batch.id, rows):
                if pause is not None:
                    pause = pause if pause.seconds else brake.pause()
                    return self._lifecycle.waits(job, pause, in_vain=run.in_vain)
                self._lifecycle.sent(job, brake)
        finally:
            passage.leave()
        return self._close(scope, job, sub_batch, lease, brake)

    def dead(self, args: Mapping[str, JSON], reason: str) -> None:
        """Give up a sub-batch that no worker survives: what may have left is ``unknown``, else ``failed``."""
        self._lifecycle.bury(_campus(args), str(args["job_id"]), str(args["sub_batch_id"]), reason)

    def finish(self, lease: Lease) -> JobResult:
        """End the job if nothing of it is open. Any number of workers may try."""
        return self._lifecycle.finish(_campus(lease.args), str(lease.args["job_id"]), lease.alive)

    def _close(
        self, scope: Scope, job: BatchJob, sub_batch: SubBatch, lease: Lease, brake: Brake
    ) -> JobResult:
        """End a sub-batch of which nothing is open, unless that is no longer ours to say.

        Whoever stood still past the lease knows nothing of what another claim has put back since.
        """
        if not lease.alive():
            return Later(0)
        again = self._precautions.after(scope, job, sub_batch)
        if again:
            return again if brake.free() else brake.pause()
        if not lease.alive():
            return Later(0)
        self._jobs.finish_sub_batch(scope, sub_batch.id)
        self._lifecycle.complete(job.campus_id, job.id)
        return Done()


class UnitSending:
    """One lease's work on one sub-batch, unit by unit."""

    def __init__(
        self,
        deliveries: DeliveryRepository,
        scope: Scope,
        lease: Lease,
        sender: MessageSender,
        message_of: Pinned,
        passage: Passage,
    ) -> None:
        self._deliveries, self._scope, self._lease = deliveries, scope, lease
        self._sender, self._message_of, self._passage = sender, message_of, passage
        self._split_one = False
        self.in_vain = False  # the last call came to nothing, or would have

    def units(self, sub_batch_id: str, rows: Sequence[Delivery]) -> Iterator[Later | None]:
        """Send unit after unit until none is open; yield after each, with the pause that it asks for.

        ``rows`` is what was open a moment ago.
        """
        while rows:
            self._split_one = False
            for _, unit in groupby(rows, key=lambda row: row.unit):
                yield self._one(list(unit), rows) if self._lease.alive() else Later(0)
                if self._split_one:
                    break  # what was read is no longer how it is grouped
            rows = self._deliveries.open_in(self._scope, sub_batch_id)

    def _one(self, unit: list[Delivery], open_rows: Sequence[Delivery]) -> Later | None:
        repeated = any(row.state is DeliveryState.SENDING for row in unit)
        if repeated and not self._may_repeat(unit):
            self._settle(unit, DeliveryState.UNKNOWN, "the provider's answer was lost")
            return None
        try:
            message = self._message_of.unit(unit)
        except MessagesRefused as refused:
            self._keep_back(unit, refused.reasons)
            return None  # the rest of the unit is still open
        admitted = self._passage.admit(unit, open_rows, repeated=repeated)
        if isinstance(admitted, Later):
            self.in_vain = self._passage.away
            return admitted
        if admitted < len(unit):
            self._split(unit, admitted)
            return None
        owned = self._begin(unit, repeated)
        if len(owned) == len(unit):
            pause = self._send(message, owned, repeated)
            self.in_vain = pause is not None
            return pause
        if not repeated:
            self._settle(unit, DeliveryState.PENDING, None)  # nothing was called: nothing is in doubt
        return Later(0)  # a newer claim has it, or the time for new effects is over

    def _begin(self, unit: Sequence[Delivery], repeated: bool) -> Sequence[Delivery]:
        """Write ``sending``; return the deliveries that are now ours to send: none if that may not begin."""
        states = [DeliveryState.PENDING, *([DeliveryState.SENDING] if repeated else [])]
        try:
            ids = [row.id for row in unit]
            owned = self._deliveries.begin(self._scope, ids, self._lease.fence, states)
            return owned if self._lease.alive() else ()  # it looks at the job, so it may fail as well
        except PyMongoError:
            if not repeated:  # it may have been written; but nothing was called, and only we know
                self._settle(unit, DeliveryState.PENDING, None)
            raise

    def _keep_back(self, unit: Sequence[Delivery], reasons: Mapping[str, str]) -> None:
        """End what may not leave as it is; what is ``sending`` may have left all the same."""
        kept = [row for row in unit if row.id in reasons]
        fate = {row.id: (row.state, reasons[row.id]) for row in kept}
        by_fate = groupby(sorted(kept, key=lambda row: fate[row.id]), key=lambda row: fate[row.id])
        for (state, reason), some in by_fate:
            sending = state is DeliveryState.SENDING
            self._settle(list(some), DeliveryState.UNKNOWN if sending else DeliveryState.FAILED, reason)

    def _may_repeat(self, unit: Sequence[Delivery]) -> bool:
        known = self._sender.repeat_seconds * REPEAT_MARGIN
        return known > 0 and self._deliveries.seconds_since(self._scope, unit[0].id, "first_call_at") < known

    def _split(self, unit: Sequence[Delivery], admitted: int) -> None:
        """Let those of a unit that was never called go by themselves whom the day's quota still holds."""
        self._split_one = True
        ordered = sorted(unit, key=lambda row: not row.counted)
        for some in (ordered[:admitted], ordered[admitted:]):
            ids = [row.id for row in some]
            self._deliveries.regroup(self._scope, ids, self._lease.fence, str(uuid.uuid4()))

    def _send(self, message: SendUnit, unit: Sequence[Delivery], repeated: bool) -> Later | None:
        self._passage.called()
        match self._sender.send(message):
            case Accepted(ids):
                end = DeliveryState.DELIVERED if self._sender.confirms_delivery else DeliveryState.SENT
                self._settle(unit, end, None, ids if len(ids) == len(unit) else ())
            case Refused(reason):
                self._refused(unit, reason)
            case Blocked(reason):
                return self._blocked(unit, reason, repeated)
            case Busy(reason, seconds, throttled):
                return self._busy(unit, reason, seconds, throttled, repeated)
            case Ambiguous(reason):
                return self._ambiguous(unit, reason)
        return None

    def _refused(self, unit: Sequence[Delivery], reason: str) -> None:
        """Nothing of it was taken: the halves are tried by themselves until the bad address stands alone."""
        if len(unit) == 1:
            self._settle(unit, DeliveryState.FAILED, reason)
            return
        for half in halves(unit):
            ids = [row.id for row in half]
            self._deliveries.rekey(self._scope, ids, self._lease.fence, str(uuid.uuid4()))

    def _blocked(self, unit: Sequence[Delivery], reason: str, repeated: bool) -> Later:
        """The account cannot send: nobody goes on, and nobody is given up for the time until it can."""
        if not repeated:
            self._settle(unit, DeliveryState.PENDING, reason)
        return self._passage.blocked(reason)

    def _busy(
        self, unit: Sequence[Delivery], reason: str, seconds: float | None, throttled: bool, repeated: bool
    ) -> Later | None:
        """This call took nothing, so it waits, a day at most; but an earlier call stays in doubt."""
        if not repeated:
            self._settle(unit, DeliveryState.PENDING, reason)
        if throttled:
            seconds = self._passage.throttled(seconds)
        if not repeated and self._tried_for_long(unit):
            self._settle(unit, DeliveryState.FAILED, reason)
            return None
        return Later(seconds or self._passage.pause(unit[0].attempts))

    def _tried_for_long(self, unit: Sequence[Delivery]) -> bool:
        """Tell whether a day has passed since the first try and since the channel was last opened."""
        since, first = self._passage.opened_at, unit[0].id
        return self._deliveries.seconds_since(self._scope, first, "tried_at", since) > GIVE_UP_SECONDS

    def _ambiguous(self, unit: Sequence[Delivery], reason: str) -> Later | None:
        """It may have left: repeat it while the provider would notice, else say that nobody knows."""
        if self._may_repeat(unit):
            return Later(self._passage.pause(unit[0].attempts))
        self._settle(unit, DeliveryState.UNKNOWN, reason)
        return None

    def _settle(
        self, unit: Sequence[Delivery], state: DeliveryState, reason: str | None, ids: Sequence[str] = ()
    ) -> None:
        """Write what became of a unit, also through a restart of MongoDB: the answer is known only here."""
        for tries in range(SETTLE_TRIES):
            try:
                self._write(unit, state, reason, ids)
                return
            except PyMongoError:
                if tries == SETTLE_TRIES - 1:
                    raise
                time.sleep(min(2.0, 0.1 * 2**tries))

    def _write(
        self, unit: Sequence[Delivery], state: DeliveryState, reason: str | None, ids: Sequence[str]
    ) -> None:
        rows, fence = [row.id for row in unit], self._lease.fence
        moved = self._deliveries.settle(self._scope, rows, fence, state, reason, ids)
        if moved == len(rows) or state is DeliveryState.UNKNOWN:
            return
        if state is DeliveryState.PENDING:  # its sub-batch may be over, so nobody would come to send it
            state, reason = DeliveryState.FAILED, reason or NOT_CALLED
        self._deliveries.correct(self._scope, rows, fence, state, reason, ids)


def _campus(args: Mapping[str, JSON]) -> str | None:
    campus_id = args.get("campus_id")
    return str(campus_id) if campus_id is not None else None
