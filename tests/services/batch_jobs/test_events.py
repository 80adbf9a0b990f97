"""What a provider's events make of deliveries: in every order, many times over, early, late and after all."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from services.batch_jobs.documents import RepeatPolicy
from services.batch_jobs.events import MEANINGS, EventKind, ProviderEvent
from services.ports import Accepted, Ambiguous, Channel, Done, Later, Refused, SendOutcome, SendUnit
from tests.services.batch_jobs.test_sending import SETTLE_SECONDS, Bench

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
SENT, SOFT, DELIVERED, HARD, SPAM = (
    EventKind.ACCEPTED,
    EventKind.SOFT_BOUNCED,
    EventKind.DELIVERED,
    EventKind.HARD_BOUNCED,
    EventKind.COMPLAINED,
)


@pytest.fixture
def bench(runtime: Any) -> Bench:
    return Bench(runtime)


def event(
    kind: EventKind,
    delivery_id: str = "",
    message_id: str = "",
    minute: int = 0,
    channel: Channel = Channel.EMAIL,
) -> ProviderEvent:
    at = NOON + timedelta(minutes=minute)
    return ProviderEvent(channel, kind, message_id, delivery_id, at, "said why")


def story(delivery_id: str, kinds: Sequence[EventKind]) -> list[ProviderEvent]:
    """Return events of which each happened at its own minute, whatever order they come in."""
    return [event(kind, delivery_id, minute=list(EventKind).index(kind)) for kind in kinds]


def only(looking: Any) -> Any:
    [row] = looking["deliveries"].find()
    return row


@pytest.mark.parametrize(
    ("kinds", "end"),
    [
        ((SENT, DELIVERED), "delivered"),
        ((SENT, HARD), "bounced"),
        ((SENT, SOFT, DELIVERED), "delivered"),
        ((SENT, DELIVERED, HARD), "bounced"),
        ((SENT, DELIVERED, SPAM), "complained"),
        ((EventKind.DEFERRED, SENT), "sent"),
        ((EventKind.OPENED,), "delivered"),
    ],
)
def test_the_end_is_the_same_in_whatever_order_and_however_often_events_come(
    bench: Bench, runtime: Any, looking: Any, kinds: Sequence[EventKind], end: str
) -> None:
    for order in permutations(kinds):
        # Given a message that was sent
        bench.job(1, Channel.EMAIL)
        bench.run()
        delivery_id = only(looking)["_id"]

        # When its events come in this order, each ten times
        for told in story(delivery_id, order):
            runtime.services.events.take([told] * 10)
            runtime.services.events.take([told])

        # Then its end is what the furthest of them says, and each was noted once
        row = only(looking)
        assert row["state"] == end, order
        noted = [note["event"] for note in row["history"] if "event" in note]
        assert sorted(noted) == sorted(DELIVERED if k is EventKind.OPENED else k for k in kinds)
        assert row["history"][-1]["at"].replace(minute=0) == NOON
        bench.work.clear()
        for name in ("deliveries", "suppressions"):
            looking[name].delete_many({})


@pytest.mark.parametrize("kind", list(EventKind))
def test_a_message_that_was_given_up_becomes_what_the_provider_says(
    bench: Bench, runtime: Any, looking: Any, kind: EventKind
) -> None:
    for state in ("pending", "sending", "unknown", "failed", "skipped"):
        bench.job(1, Channel.EMAIL)
        row = looking["deliveries"].find_one_and_update({}, {"$set": {"state": state}})

        runtime.services.events.take([event(kind, row["_id"])])

        assert only(looking)["state"] == MEANINGS[kind].state
        looking["deliveries"].delete_many({})


def test_an_event_that_overtakes_our_own_answer_is_neither_lost_nor_overwritten(
    bench: Bench, runtime: Any, looking: Any
) -> None:
    # Given a provider whose callbacks come before its answer
    def quick(unit: SendUnit) -> SendOutcome:
        first, second, third = unit.messages
        runtime.services.events.take(
            [
                event(DELIVERED, first.delivery_id, "<1@relay>"),
                event(HARD, second.delivery_id, "<2@relay>"),
                event(SENT, third.delivery_id, "<3@relay>"),
            ]
        )
        return Accepted(("<1@relay>", "<2@relay>", "<3@relay>"))

    bench.email.answers = [quick]
    job = bench.job(3, Channel.EMAIL)

    # When the answer is written
    assert bench.run() == Done()

    # Then the events stand, the ids are known, and the job is at its end
    assert bench.states(looking) == ["delivered", "bounced", "sent"]
    ids = [row["provider_message_id"] for row in looking["deliveries"].find().sort("number")]
    assert ids == ["<1@relay>", "<2@relay>", "<3@relay>"]
    assert looking["batch_jobs"].find_one({"_id": job.id})["state"] == "completed"


def test_an_event_about_a_lost_answer_settles_it_and_the_rest_is_repeated_under_its_key(
    bench: Bench, runtime: Any, looking: Any
) -> None:
    # Given a call whose answer was lost, and an event that says that one of its messages has arrived
    bench.email.answers = [Ambiguous("timeout")]
    bench.job(3, Channel.EMAIL)
    assert isinstance(bench.run(), Later)
    first = looking["deliveries"].find().sort("number").limit(1)[0]
    runtime.services.events.take([event(DELIVERED, first["_id"])])

    # When the unit is repeated
    assert bench.run() == Done()

    # Then it is with the same key, and not for who has it
    lost, repeated = bench.email.calls
    assert lost.key == repeated.key
    assert [message.delivery_id for message in repeated.messages] == [
        message.delivery_id for message in lost.messages[1:]
    ]
    assert bench.states(looking) == ["delivered", "sent", "sent"]


def test_events_of_unknown_messages_are_kept_and_find_their_message_later(
    bench: Bench, runtime: Any, looking: Any
) -> None:
    # Given an event with an id that only the provider's answer will tell us
    early = event(DELIVERED, message_id="<late@relay>")
    runtime.services.events.take([early, early])
    runtime.services.events.take([early, event(DELIVERED, "f" * 24)])
    assert looking["unmatched_events"].count_documents({}) == 2

    # When the answer is written, and the kept events are tried again
    bench.email.answers = [Accepted(("<late@relay>",))]
    bench.job(1, Channel.EMAIL)
    bench.run()
    looking["unmatched_events"].update_many({}, {"$set": {"due_at": NOON}})
    runtime.services.events.try_again()

    # Then the message has arrived, and the event is kept no longer
    assert only(looking)["state"] == "delivered"
    [stranger] = looking["unmatched_events"].find()
    assert (stranger["delivery_id"], stranger["tries"]) == ("f" * 24, 1)


def test_an_event_of_the_other_channel_is_about_nobody(bench: Bench, runtime: Any, looking: Any) -> None:
    bench.job(1, Channel.EMAIL)
    bench.run()

    runtime.services.events.take([event(HARD, only(looking)["_id"], channel=Channel.SMS)])

    assert only(looking)["state"] == "sent"
    assert looking["suppressions"].count_documents({}) == 0


def test_who_bounced_for_good_is_skipped_by_the_next_job_of_the_campus_and_by_no_other(
    bench: Bench, runtime: Any, looking: Any
) -> None:
    # Given an address that bounced hard
    bench.job(1, Channel.EMAIL)
    bench.run()
    runtime.services.events.take([event(HARD, only(looking)["_id"])])
    bench.work.clear()

    # When another job writes to it
    job = bench.job(2, Channel.EMAIL)
    assert bench.run() == Done()

    # Then nothing was called, and each delivery says why
    assert len(bench.email.calls) == 1
    rows = list(looking["deliveries"].find({"job_id": job.id}))
    assert {(row["state"], row["last_error"]) for row in rows} == {("skipped", "suppressed: hard bounced")}
    assert looking["batch_jobs"].find_one({"_id": job.id})["state"] == "completed"

    # And the next campus knows nothing of it
    found = runtime.services.suppressions.among
    assert found("c1", Channel.EMAIL, ["P@Example.com"]) == {"P@Example.com": "hard bounced"}
    assert [found(other, Channel.EMAIL, ["p@example.com"]) for other in ("c2", None)] == [{}, {}]


def test_a_lifted_suppression_does_not_come_back_with_a_repeated_event(
    bench: Bench, runtime: Any, looking: Any
) -> None:
    bench.job(1, Channel.EMAIL)
    bench.run()
    bounced = event(HARD, only(looking)["_id"])
    runtime.services.events.take([bounced])
    looking["suppressions"].delete_many({})

    runtime.services.events.take([bounced])

    assert looking["suppressions"].count_documents({}) == 0


def test_with_at_least_once_an_unknown_sms_is_sent_once_more_when_nothing_settled_it(
    bench: Bench, looking: Any
) -> None:
    # Given an SMS whose answer was lost
    bench.sms.answers = [Ambiguous("reset"), Ambiguous("reset")]
    job = bench.job(1, Channel.SMS, policy=RepeatPolicy.AT_LEAST_ONCE)

    # Then its job waits for the provider
    pause = bench.run()
    assert isinstance(pause, Later)
    assert SETTLE_SECONDS - 5 < pause.seconds <= SETTLE_SECONDS
    assert bench.states(looking) == ["unknown"]

    # And when the time is over it is sent anew, under a new key, and then never again
    _wait(looking)
    assert bench.run() == Later(0.0)
    assert bench.states(looking) == ["pending"]
    assert bench.run() == Done()
    first, second = bench.sms.calls
    assert first.key != second.key
    assert bench.states(looking) == ["unknown"]
    assert looking["batch_jobs"].find_one({"_id": job.id})["state"] == "completed"


def test_with_at_least_once_an_sms_that_an_event_settled_is_not_sent_again(
    bench: Bench, runtime: Any, looking: Any
) -> None:
    bench.sms.answers = [Ambiguous("reset")]
    bench.job(1, Channel.SMS, policy=RepeatPolicy.AT_LEAST_ONCE)
    bench.run()

    runtime.services.events.take([event(DELIVERED, only(looking)["_id"], channel=Channel.SMS)])
    _wait(looking)

    assert bench.run() == Done()
    assert len(bench.sms.calls) == 1
    assert bench.states(looking) == ["delivered"]


def test_with_at_most_once_an_unknown_sms_stays_so(bench: Bench, looking: Any) -> None:
    bench.sms.answers = [Ambiguous("reset")]
    bench.job(1, Channel.SMS)

    assert bench.run() == Done()
    _wait(looking)

    assert bench.run() == Done()
    assert bench.states(looking) == ["unknown"]


def test_a_refused_message_stays_failed_without_an_event(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Refused("not an address")]
    bench.job(1, Channel.EMAIL)
    bench.run()

    assert bench.states(looking) == ["failed"]


def _wait(looking: Any) -> None:
    """Let the time pass in which a provider tells of what nobody knows about."""
    before = datetime.now(UTC) - timedelta(seconds=SETTLE_SECONDS + 1)
    looking["deliveries"].update_many({}, {"$set": {"first_call_at": before}})
