"""What becomes of a unit for every answer that a provider can give.

On a real MongoDB, with a provider that is told what to say.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from services.batch_jobs.brake import FRESH_SECONDS, SLOW_SECONDS, STALE_SECONDS
from services.batch_jobs.composing import Composer
from services.batch_jobs.control import BatchJobControl
from services.batch_jobs.control_repository import BatchJobStore
from services.batch_jobs.delivery_repository import KEPT_STEPS, DeliveryRepository
from services.batch_jobs.documents import BatchJob, Delivery, JobType, Recipient, RepeatPolicy
from services.batch_jobs.flow import Flow
from services.batch_jobs.lifecycle import Lifecycle
from services.batch_jobs.pace_repository import MongoPacer
from services.batch_jobs.precautions import Precautions
from services.batch_jobs.progress import Announcer
from services.batch_jobs.repository import BatchJobRepository
from services.batch_jobs.retrying import Retrying
from services.batch_jobs.sending import SubBatchSending
from services.batch_jobs.service import BatchJobService, scope_of
from services.notifications.inbox import inbox_address
from services.notifications.repository import TemplateRepository
from services.notifications.templates import TemplateSource
from services.notifications.texts import MessageTexts
from services.ports import (
    JSON,
    Accepted,
    Ambiguous,
    Balance,
    Busy,
    Channel,
    Done,
    JobResult,
    Later,
    Lease,
    Limit,
    Message,
    MessageSender,
    Refused,
    SendOutcome,
    SendUnit,
)
from utils.clock import SystemClock
from utils.store import DatabaseAway

SETTLE_SECONDS = 3600.0
Answer = SendOutcome | Callable[[SendUnit], SendOutcome]


@dataclass
class Provider:
    """Says what it is told, in order, then accepts; remembers every call."""

    channel: Channel
    unit_size: int = 3
    repeat_seconds: float = 600.0
    confirms_delivery: bool = False
    provider: str = "brevo"
    account: str = "test"
    limits: tuple[Limit, ...] = ()
    left: Balance = Balance(True, "", 100.0)  # noqa: RUF009 -- frozen
    away: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    calls: list[SendUnit] = field(default_factory=list)

    def send(self, unit: SendUnit) -> SendOutcome:
        self.calls.append(unit)
        answer = self.answers.pop(0) if self.answers else Accepted()
        return answer(unit) if callable(answer) else answer

    def status(self) -> Mapping[str, JSON]:
        return {}

    def ready_in(self) -> float:
        return self.away

    def balance(self) -> Balance:
        return self.left


class Plain:
    """Composes the name and nothing else."""

    def compose(self, delivery: Delivery, source: TemplateSource) -> Message:
        return Message(delivery.id, delivery.channel, delivery.to or "", delivery.name, "", delivery.name)

    def renew(self, deliveries: Sequence[Delivery]) -> Mapping[str, str]:
        return {}


class Everybody:
    def __init__(self) -> None:
        self.allowed = True

    def may_send(
        self, user_id: str, job_type: JobType, campus_id: str | None, course_ids: Sequence[str]
    ) -> bool:
        return self.allowed


class Bench:
    """A batch job service over the test's database, with its providers and a hand-cranked engine."""

    def __init__(self, runtime: Any, engine: Any = None, size: int = 100, **options: Any) -> None:
        self.store = store = runtime.store
        self.email, self.sms = Provider(Channel.EMAIL), Provider(Channel.SMS, 1, 0.0)
        inbox: MessageSender = runtime.senders[Channel.INBOX]
        senders = {Channel.EMAIL: self.email, Channel.SMS: self.sms, Channel.INBOX: inbox}
        self.senders: dict[Channel, MessageSender] = senders
        self.jobs, self.deliveries = BatchJobRepository(store), DeliveryRepository(store)
        self.work: list[tuple[str, Mapping[str, Any]]] = []
        self.service = BatchJobService(
            self.jobs,
            self.deliveries,
            store,
            engine or self,
            MessageTexts(runtime.renderer, TemplateRepository(store), dlt_required=False),
            senders,
            SystemClock(),
            size,
        )
        self.announcer = Announcer(self.jobs, self.service, self)
        self.stored = stored = BatchJobStore.over(store)
        audit = runtime.services.audit
        self.lifecycle = Lifecycle(stored, self, audit, self.announcer, SystemClock())
        self.rights = Everybody()
        self.precautions = Precautions(self.deliveries, runtime.services.suppressions, SETTLE_SECONDS)
        self.composers: dict[JobType, Composer] = {JobType.CREDENTIALS: Plain()}
        settings = runtime.settings.model_copy(update=options)
        self.pacer = MongoPacer(store)
        self.flow = Flow.over(settings, store, SystemClock(), audit, senders, self.pacer, self)
        gate = self.flow.gate
        self.sending = SubBatchSending(
            self.jobs,
            self.deliveries,
            senders,
            self.composers,
            self.lifecycle,
            self.rights,
            self.precautions,
            gate,
        )
        self.retrying = Retrying(stored, self, self.service, senders, 100)
        self.control = BatchJobControl(
            stored, self, self.service, self.lifecycle, self.retrying, self.announcer
        )
        self.fence, self.scope = 0, scope_of("c1")
        self.dropped: list[str] = []  # what the engine says was waiting when a job is cancelled

    def submit(self, job: str, args: Mapping[str, Any], **more: Any) -> None:
        self.finish = Lease("finish", 1, args, 1, lambda: True)

    def submit_many(self, job: str, many: Sequence[tuple[str, Mapping[str, Any]]], **more: Any) -> None:
        self.work += many

    def wake(self, queue: Any) -> None: ...

    def hold(self, group: str) -> int:
        return 0

    free = hold

    def drop(self, group: str) -> list[str]:
        return self.dropped

    def park(self, lease: Lease) -> bool:
        return True

    def publish(self, *event: Any) -> None: ...

    def timezone(self, campus_id: str) -> str:
        return "Asia/Kolkata"

    def job(self, people: int, *channels: Channel, campus_id: str = "c1", **more: Any) -> BatchJob:
        job = self.service.open(
            JobType.CREDENTIALS, channels, campus_id=campus_id, course_ids=("x",), actor_id="admin", **more
        )
        self.service.add(job, [person(n, addresses(n, campus_id)) for n in range(people)])
        self.service.close(job)
        return job

    def run(self, alive: Callable[[], bool] = lambda: True) -> JobResult:
        """Run the oldest sub-batch as one claim would."""
        self.fence += 1
        key, args = self.work[0]
        return self.sending.run(Lease(key, self.fence, args, 1, alive))

    def states(self, looking: Any) -> list[str]:
        return [row["state"] for row in looking["deliveries"].find().sort("number")]


def addresses(number: int, campus_id: str) -> dict[Channel, str | None]:
    own = inbox_address(f"p{number}", campus_id)
    return {Channel.EMAIL: "p@example.com", Channel.SMS: "+919000000000", Channel.INBOX: own}


def person(number: int, addresses: Mapping[Channel, str | None]) -> Recipient:
    return Recipient(f"p{number}", f"Person {number}", addresses, params={"username": f"p{number}"})


@pytest.fixture
def bench(runtime: Any) -> Bench:
    return Bench(runtime)


def test_accepted_units_are_sent_with_the_providers_ids(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Accepted(("a", "b", "c")), Accepted(("d",))]
    job = bench.job(4, Channel.EMAIL)

    assert bench.run() == Done()

    assert bench.states(looking) == ["sent"] * 4
    assert [row["provider_message_id"] for row in looking["deliveries"].find().sort("number")] == list("abcd")
    assert looking["batch_jobs"].find_one({"_id": job.id})["state"] == "completed"


def test_a_crash_after_the_call_repeats_the_same_unit_with_the_same_key(bench: Bench, looking: Any) -> None:
    def power_cut(unit: SendUnit) -> SendOutcome:
        raise SystemExit

    bench.email.answers = [power_cut]
    bench.job(3, Channel.EMAIL)
    with pytest.raises(SystemExit):
        bench.run()
    assert bench.states(looking) == ["sending"] * 3

    assert bench.run() == Done()

    first, second = bench.email.calls
    assert first == second
    assert bench.states(looking) == ["sent"] * 3


def test_a_crash_while_an_sms_was_sent_leaves_it_unknown_and_the_others_sent(
    bench: Bench, looking: Any
) -> None:
    def power_cut(unit: SendUnit) -> SendOutcome:
        raise SystemExit

    bench.sms.answers = [Accepted(), power_cut]
    bench.job(3, Channel.SMS)
    with pytest.raises(SystemExit):
        bench.run()

    assert bench.run() == Done()

    assert bench.states(looking) == ["sent", "unknown", "sent"]
    assert len(bench.sms.calls) == 3


def test_an_ambiguous_email_waits_and_is_repeated(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Ambiguous("timeout")]
    bench.job(2, Channel.EMAIL)

    assert isinstance(bench.run(), Later)
    assert bench.states(looking) == ["sending"] * 2
    assert bench.run() == Done()

    assert bench.email.calls[0].key == bench.email.calls[1].key
    assert bench.states(looking) == ["sent"] * 2


def test_an_ambiguous_email_is_unknown_once_the_provider_has_forgotten_its_key(
    bench: Bench, looking: Any
) -> None:
    from datetime import timedelta

    bench.email.answers = [Ambiguous("timeout")]
    bench.job(2, Channel.EMAIL)
    bench.run()
    before = looking["deliveries"].find_one()["first_call_at"] - timedelta(seconds=600)
    looking["deliveries"].update_many({}, {"$set": {"first_call_at": before}})

    assert bench.run() == Done()

    assert bench.states(looking) == ["unknown"] * 2
    assert len(bench.email.calls) == 1


def test_an_ambiguous_sms_is_unknown_at_once(bench: Bench, looking: Any) -> None:
    bench.sms.answers = [Ambiguous("reset")]
    bench.job(2, Channel.SMS)

    assert bench.run() == Done()

    assert bench.states(looking) == ["unknown", "sent"]


def test_one_bad_address_of_many_fails_alone(bench: Bench, looking: Any) -> None:
    def refuse_the_second(unit: SendUnit) -> SendOutcome:
        bad = any(message.name == "Person 1" for message in unit.messages)
        return Refused("email is not valid in to") if bad else Accepted()

    bench.email.unit_size = 100
    bench.email.answers = [refuse_the_second] * 20
    bench.job(10, Channel.EMAIL)

    assert bench.run() == Done()

    assert bench.states(looking) == ["sent", "failed", *["sent"] * 8]
    keys = [unit.key for unit in bench.email.calls]
    assert len(set(keys)) == len(keys)  # a refused unit is never sent again under its key


def test_what_was_certainly_not_taken_waits_as_pending(bench: Bench, looking: Any) -> None:
    bench.sms.answers = [Busy("its breaker is open", 7.0)]
    bench.job(2, Channel.SMS)

    assert bench.run() == Later(7.0)

    assert bench.states(looking) == ["pending"] * 2
    assert bench.run() == Done()
    assert bench.states(looking) == ["sent"] * 2


@pytest.mark.parametrize("answer", [Busy("429", 1.0), Refused("no such number")])
def test_what_was_not_taken_from_people_who_left_meanwhile_is_their_end(
    bench: Bench, looking: Any, answer: SendOutcome
) -> None:
    def leave(_: SendUnit) -> SendOutcome:
        bench.service.skip(bench.scope, ["p0", "p2"], "left")
        return answer

    bench.email.answers = [leave]
    bench.job(3, Channel.EMAIL)

    bench.run()
    assert bench.run() == Done()

    assert bench.states(looking) == ["skipped", "sent", "skipped"]
    assert [len(unit.messages) for unit in bench.email.calls] == [3, 1]
    first = looking["deliveries"].find_one({"recipient_id": "p0"})
    assert (first["last_error"], first["history"][-1]["reason"]) == ("left", "left")


def test_an_unknown_message_to_somebody_who_left_is_not_sent_once_more(bench: Bench, looking: Any) -> None:
    bench.sms.answers = [Ambiguous("reset"), Ambiguous("reset")]
    bench.job(2, Channel.SMS, policy=RepeatPolicy.AT_LEAST_ONCE)
    assert isinstance(bench.run(), Later)
    bench.service.skip(bench.scope, ["p0"], "left")
    ids = [row["_id"] for row in looking["deliveries"].find().sort("number")]

    bench.deliveries.send_again(bench.scope, ids, "new")

    assert bench.states(looking) == ["unknown", "pending"]
    assert bench.deliveries.in_doubt(bench.scope, bench.work[0][0]) == []


def test_a_busy_answer_to_a_repeat_leaves_the_first_call_in_doubt(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Ambiguous("timeout"), Busy("429", 1.0)]
    bench.job(1, Channel.EMAIL)
    bench.run()

    assert bench.run() == Later(1.0)

    assert bench.states(looking) == ["sending"]


def test_a_lease_that_ends_before_the_call_leaves_nothing_in_doubt(bench: Bench, looking: Any) -> None:
    answers = iter([True, False])
    bench.job(1, Channel.SMS)

    assert bench.run(alive=lambda: next(answers, False)) == Later(0)

    assert bench.states(looking) == ["pending"]
    assert bench.sms.calls == []


def test_a_look_at_the_job_that_fails_before_the_call_leaves_nothing_in_doubt(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, look = bench.deliveries.begin, bench.stored.control.state_of

    def away(*_: Any) -> Any:
        monkeypatch.setattr(bench.stored.control, "state_of", look)
        raise DatabaseAway("batch_jobs")

    def slow(*args: Any) -> Any:
        time.sleep(FRESH_SECONDS + 0.05)
        monkeypatch.setattr(bench.stored.control, "state_of", away)
        return begin(*args)

    bench.job(1, Channel.SMS)
    with monkeypatch.context() as patch:
        patch.setattr(bench.deliveries, "begin", slow)
        with pytest.raises(DatabaseAway):
            bench.run()

    assert bench.states(looking) == ["pending"]
    assert bench.run() == Done()
    assert bench.states(looking) == ["sent"]


def test_while_mongodb_is_slow_nothing_is_sent_and_nobody_comes_back_at_once(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = bench.stored.control.state_of

    def slow(*args: Any) -> Any:
        time.sleep(STALE_SECONDS + 0.05)
        return look(*args)

    bench.job(1, Channel.SMS)
    monkeypatch.setattr(bench.stored.control, "state_of", slow)

    waits = bench.run()

    assert isinstance(waits, Later) and SLOW_SECONDS <= waits.seconds <= 2 * SLOW_SECONDS
    assert (bench.states(looking), bench.sms.calls) == (["pending"], [])


def test_ids_belong_to_the_messages_of_the_call_in_their_order(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Accepted(("a", "b", "c"))]
    bench.job(3, Channel.EMAIL)
    for row in looking["deliveries"].find().sort("number"):
        looking["deliveries"].update_one({"_id": row["_id"]}, {"$set": {"number": 9 - row["number"]}})

    assert bench.run() == Done()

    rows = list(looking["deliveries"].find().sort("number"))
    assert [message.delivery_id for message in bench.email.calls[0].messages] == [row["_id"] for row in rows]
    assert [row["provider_message_id"] for row in rows] == ["a", "b", "c"]


def test_a_late_answer_of_an_older_claim_cannot_overwrite_a_newer_one(bench: Bench, looking: Any) -> None:
    def overtaken(unit: SendUnit) -> SendOutcome:
        bench.run()  # a newer claim calls and settles the unit while this call still hangs
        return Refused("too late")

    bench.email.answers = [overtaken, Accepted(("m1",))]
    bench.job(1, Channel.EMAIL)

    bench.run()

    assert bench.states(looking) == ["sent"]
    assert len(bench.email.calls) == 2


def test_nobody_without_an_address_is_forgotten(bench: Bench, looking: Any) -> None:
    job = bench.service.open(
        JobType.CREDENTIALS, [Channel.SMS], campus_id="c1", course_ids=(), actor_id="admin"
    )
    bench.service.add(job, [person(1, {Channel.SMS: None})])
    bench.service.close(job)

    assert bench.run() == Done()

    (row,) = looking["deliveries"].find()
    assert (row["state"], row["last_error"]) == ("skipped", "no mobile number")
    assert looking["batch_jobs"].find_one()["state"] == "completed"


def test_whoever_may_no_longer_send_stops_their_job_within_a_sub_batch(bench: Bench, looking: Any) -> None:
    bench.job(2, Channel.EMAIL)
    bench.rights.allowed = False

    assert bench.run() == Done()

    assert bench.states(looking) == ["failed"] * 2
    assert bench.email.calls == []


def test_a_dead_letter_says_what_may_have_left_and_what_has_not(bench: Bench, looking: Any) -> None:
    job = bench.job(2, Channel.EMAIL)
    looking["deliveries"].update_one({"job_id": job.id}, {"$set": {"state": "sending", "fence": 9}})

    bench.sending.dead(bench.work[0][1], "it exits")

    assert bench.states(looking) == ["unknown", "failed"]
    assert looking["batch_jobs"].find_one({"_id": job.id})["state"] == "discarded"


def test_a_provider_that_knows_deliveries_by_id_is_asked_again_whenever(bench: Bench, looking: Any) -> None:
    from datetime import timedelta

    bench.sms.repeat_seconds, bench.sms.confirms_delivery = math.inf, True
    bench.job(1, Channel.SMS)
    looking["deliveries"].update_one({}, {"$set": {"state": "sending"}})
    row = looking["deliveries"].find_one()
    looking["deliveries"].update_one(
        {}, {"$set": {"first_call_at": row["created_at"] - timedelta(days=3), "fence": 0}}
    )

    assert bench.run() == Done()

    assert bench.states(looking) == ["delivered"]


def test_the_history_of_a_delivery_is_complete(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Busy("429", 1.0)]
    bench.job(1, Channel.EMAIL)
    bench.run()
    bench.run()

    (row,) = looking["deliveries"].find()

    assert [step["state"] for step in row["history"]] == ["pending", "sending", "pending", "sending", "sent"]


def test_a_long_history_keeps_how_it_began_and_how_it_goes_on(bench: Bench, looking: Any) -> None:
    bench.job(1, Channel.EMAIL)
    steps = [{"state": "sending", "at": datetime.now(UTC), "reason": str(n)} for n in range(2 * KEPT_STEPS)]
    looking["deliveries"].update_one({}, {"$set": {"history": steps}})

    assert bench.run() == Done()

    (row,) = looking["deliveries"].find()
    assert [step.get("reason") for step in row["history"][: KEPT_STEPS + 1]] == [
        *[str(n) for n in range(KEPT_STEPS)],
        str(KEPT_STEPS + 2),
    ]
    assert [step["state"] for step in row["history"][-3:]] == ["sending", "sending", "sent"]
    assert len(row["history"]) == 2 * KEPT_STEPS
