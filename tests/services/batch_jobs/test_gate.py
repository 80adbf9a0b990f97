"""What holds a message back before it is called for: a paused channel, a used-up quota, a turn, a limit.

Whatever waits is ``pending``, was not called for, and lost no try.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.batch_jobs.documents import BatchJob
from services.batch_jobs.gate import PAUSED_SECONDS, QUOTA_SECONDS, SPENT_SECONDS
from services.batch_jobs.pacing import pace_key
from services.ports import (
    Accepted,
    Ambiguous,
    Balance,
    Blocked,
    Busy,
    Channel,
    Done,
    JobResult,
    Later,
    Lease,
    Limit,
    SendOutcome,
    SendUnit,
)
from tests.services.batch_jobs.test_sending import Bench

SLOW = (Limit("minute", calls=61, seconds=60.0, burst=1),)
KOLKATA = timedelta(hours=5, minutes=30)


@pytest.fixture
def bench(runtime: Any) -> Bench:
    return Bench(runtime)


def run(bench: Bench, number: int = 0, alive: Callable[[], bool] = lambda: True) -> JobResult:
    """Run one of the sub-batches as a claim would."""
    bench.fence += 1
    key, args = bench.work[number]
    return bench.sending.run(Lease(key, bench.fence, args, 1, alive))


def tries(looking: Any) -> list[int]:
    return [row["attempts"] for row in looking["deliveries"].find().sort("number")]


def waits(result: JobResult) -> float:
    assert isinstance(result, Later), result
    return result.seconds


# --- a paused channel ---


def test_a_refused_account_pauses_the_channel_for_every_process(runtime: Any, looking: Any) -> None:
    here, there = Bench(runtime), Bench(runtime)
    here.email.answers = [Blocked("Brevo: 402 not_enough_credits")]
    here.job(3, Channel.EMAIL)
    there.job(3, Channel.EMAIL)

    assert PAUSED_SECONDS <= waits(run(here)) <= 2 * PAUSED_SECONDS

    assert PAUSED_SECONDS <= waits(run(there)) <= 2 * PAUSED_SECONDS
    assert (len(here.email.calls), there.email.calls) == (1, [])
    assert here.states(looking) == ["pending"] * 6
    assert tries(looking) == [1, 0, 1, 0, 1, 0]


def test_the_other_channel_goes_on(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Blocked("401")]
    bench.job(1, Channel.EMAIL, Channel.SMS)

    run(bench, 0)

    assert run(bench, 1) == Done()
    assert sorted(bench.states(looking)) == ["pending", "sent"]


def test_a_job_says_why_it_waits_and_no_longer_once_it_goes_on(bench: Bench) -> None:
    bench.email.answers = [Blocked("Brevo: 402 not_enough_credits")]
    job = bench.job(1, Channel.EMAIL)

    run(bench)
    assert _shown(bench, job).waiting_reason == "email: Brevo: 402 not_enough_credits"

    bench.flow.channels._repository.open(Channel.EMAIL, anew=True)
    bench.flow.channels._look()
    assert run(bench) == Done()
    assert _shown(bench, job).waiting_reason is None


def test_nobody_is_given_up_while_their_channel_is_paused(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Busy("connection refused"), Blocked("401"), Busy("connection refused")]
    bench.job(1, Channel.EMAIL)
    run(bench)
    _back(looking, "tried_at", 30)

    waits(run(bench))  # the account is refused after 30 hours
    bench.flow.channels._repository.open(Channel.EMAIL, anew=True)
    bench.flow.channels._look()
    waits(run(bench))  # and once it is well again a day begins anew

    assert bench.states(looking) == ["pending"]


def test_while_its_breaker_is_open_a_unit_is_tried_once_and_once_more_after_a_day(
    bench: Bench, looking: Any
) -> None:
    bench.sms.away, bench.sms.answers = 40.0, [Busy("its breaker is open", 40.0)] * 2
    job = bench.job(1, Channel.SMS)

    assert [run(bench) for _ in range(4)] == [Later(40.0)] * 4

    (row,) = looking["deliveries"].find()
    assert (row["state"], row["attempts"], len(row["history"])) == ("pending", 1, 3)
    assert _shown(bench, job).state == "retryable"
    assert _shown(bench, job).waiting_reason == "sms: the provider does not answer"

    _back(looking, "tried_at", 25)
    assert run(bench) == Done()
    assert bench.states(looking) == ["failed"]


def test_a_day_of_tries_is_the_end(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Busy("connection refused")] * 2
    bench.job(1, Channel.EMAIL)
    run(bench)
    _back(looking, "tried_at", 25)

    assert run(bench) == Done()

    assert bench.states(looking) == ["failed"]


def test_a_job_that_waited_two_days_to_begin_has_its_day_all_the_same(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Busy("connection refused")]
    bench.job(1, Channel.EMAIL)
    _back(looking, "created_at", 48)

    waits(run(bench))

    assert bench.states(looking) == ["pending"]


def test_a_refusal_of_a_call_from_before_the_opening_does_not_pause_again(bench: Bench) -> None:
    channels = bench.flow.channels
    channels.pause(Channel.EMAIL, "401", channels.state(Channel.EMAIL).epoch)

    def opened_meanwhile(unit: SendUnit) -> SendOutcome:
        channels._repository.pause(Channel.EMAIL, "401", 1)
        channels._repository.open(Channel.EMAIL, anew=True)
        return Blocked("401")

    channels._repository.open(Channel.EMAIL, anew=True)
    channels._look()
    bench.email.answers = [opened_meanwhile]
    bench.job(1, Channel.EMAIL)
    waits(run(bench))

    channels._look()
    assert not channels.known(Channel.EMAIL).paused
    assert run(bench) == Done()


def test_the_account_is_asked_and_opens_the_channel_when_it_is_well(bench: Bench, looking: Any) -> None:
    channels = bench.flow.channels
    channels.pause(Channel.EMAIL, "402", 0)
    channels.tick()
    assert channels.known(Channel.EMAIL).paused  # not yet: a minute has not passed

    bench.email.left = Balance(False, "no credits are left", 0.0)
    _probe_now(looking)
    channels.tick()
    assert channels.known(Channel.EMAIL).paused

    bench.email.left = Balance(True, "credits are left", 5.0)
    _probe_now(looking)
    channels.tick()
    assert not channels.known(Channel.EMAIL).paused


def test_an_opening_that_was_wrong_makes_the_next_probe_later(bench: Bench, looking: Any) -> None:
    channels, waited = bench.flow.channels, []
    for epoch in range(4):
        channels.pause(Channel.EMAIL, "403 permission_denied", epoch)
        state = channels.known(Channel.EMAIL)
        assert state.probe_at and state.since
        waited.append((state.probe_at - state.since).total_seconds())
        _probe_now(looking)
        channels.tick()

    assert waited == [60, 120, 240, 480]


def test_one_process_of_many_asks_the_account(runtime: Any, looking: Any) -> None:
    asked: list[int] = []
    benches = [Bench(runtime) for _ in range(4)]
    benches[0].flow.channels.pause(Channel.EMAIL, "402", 0)
    _probe_now(looking)

    def ask() -> Balance:
        asked.append(1)
        return Balance(False, "no credits are left", 0.0)

    for bench in benches:
        bench.email.balance = ask  # type: ignore[method-assign]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda bench: bench.flow.channels.tick(), benches))

    assert asked == [1]


# --- the provider's limits ---


def test_a_unit_that_is_too_early_waits_without_a_call(bench: Bench, looking: Any) -> None:
    bench.email.limits = SLOW
    bench.job(6, Channel.EMAIL)  # two units of three

    assert 0.3 < waits(run(bench)) <= 1.1

    assert bench.states(looking) == ["sent"] * 3 + ["pending"] * 3
    assert tries(looking) == [1, 1, 1, 0, 0, 0]


def test_a_429_freezes_the_channel_for_every_process(runtime: Any, looking: Any) -> None:
    here, there = Bench(runtime), Bench(runtime)
    for bench in (here, there):
        bench.sms.limits = (Limit("second", 150, 1.0, 30),)
        bench.job(2, Channel.SMS)
    here.sms.answers = [Busy("Brevo: too many requests", 7.0, throttled=True)]

    assert 7.5 <= waits(run(here)) <= 8.0

    assert 6.5 < waits(run(there)) <= 8.0
    assert there.sms.calls == []
    assert there.pacer.pace(pace_key(there.sms)).share == pytest.approx(0.5)


def test_a_429_lasts_as_long_as_the_provider_says_however_often_a_message_was_tried(
    bench: Bench, looking: Any
) -> None:
    bench.sms.limits = (Limit("second", 150, 1.0, 30),)
    bench.sms.answers = [Busy("Brevo: too many requests", 2.0, throttled=True)]
    bench.job(1, Channel.SMS)
    looking["deliveries"].update_many({}, {"$set": {"attempts": 12}})

    assert 2.5 <= waits(run(bench)) <= 3.0


def test_a_429_without_a_time_lasts_longer_each_time(bench: Bench, looking: Any) -> None:
    bench.sms.limits = (Limit("second", 150, 1.0, 30),)
    bench.sms.answers = [Busy("Brevo: too many requests", None, throttled=True)] * 5
    bench.job(1, Channel.SMS)

    pauses = []
    for _ in range(5):
        pauses.append(waits(run(bench)))
        looking["paces"].update_many({}, {"$set": {"frozen": 0.0, "tat": {}, "share": 0.5 ** len(pauses)}})
        looking["paces"].update_many({}, [{"$set": {"frozen": {"$toDouble": {"$toLong": "$$NOW"}}}}])

    for number, pause in enumerate(pauses):
        assert 2**number / 2 <= pause <= 2**number + 0.5


def test_a_busy_answer_that_is_no_429_freezes_nobody(runtime: Any) -> None:
    here, there = Bench(runtime), Bench(runtime)
    for bench in (here, there):
        bench.email.limits = SLOW
        bench.job(1, Channel.EMAIL)
    here.email.answers = [Busy("its breaker is open", 9.0)]

    assert run(here) == Later(9.0)

    assert waits(run(there)) < 2.0  # for its turn, and not for the freeze


# --- one sub-batch at a time ---


def test_in_interval_mode_one_sub_batch_of_a_job_goes_every_three_minutes(runtime: Any, looking: Any) -> None:
    bench = Bench(runtime, size=2, pacing="interval")
    job = bench.job(6, Channel.EMAIL)

    assert run(bench, 0) == Done()
    assert 175 < waits(run(bench, 1)) <= 180
    assert 175 < waits(run(bench, 2)) <= 180
    assert sorted(bench.states(looking)) == ["pending"] * 4 + ["sent"] * 2

    before = datetime.now(UTC) - timedelta(seconds=181)
    looking["batch_jobs"].update_one({"_id": job.id}, {"$set": {"turns.email.at": before}})
    assert run(bench, 2) == Done()
    assert 175 < waits(run(bench, 1)) <= 180


def test_whoever_has_the_turn_keeps_it_through_a_crash(runtime: Any, looking: Any) -> None:
    def power_cut(unit: SendUnit) -> SendOutcome:
        raise SystemExit

    bench = Bench(runtime, size=2, pacing="interval")
    bench.email.answers = [power_cut]
    bench.job(4, Channel.EMAIL)
    with pytest.raises(SystemExit):
        run(bench, 0)

    assert run(bench, 0) == Done()


# --- quotas ---


def test_what_exceeds_the_days_quota_waits_for_the_next_day(runtime: Any, looking: Any) -> None:
    bench, first = Bench(runtime, daily_email_quota=4), datetime.now(UTC)
    job = bench.job(9, Channel.EMAIL)  # three units of three

    assert waits(run(bench)) <= QUOTA_SECONDS + 4
    assert bench.states(looking) == ["sent"] * 4 + ["pending"] * 5
    assert "quota" in str(_shown(bench, job).waiting_reason)
    assert looking["message_quotas"].find_one()["used"] == 4
    days = {str((moment + KOLKATA).date()) for moment in (first, datetime.now(UTC))}
    assert looking["message_quotas"].find_one()["day"] in days

    looking["message_quotas"].update_one({}, {"$set": {"day": "2026-01-01"}})
    waits(run(bench))
    assert bench.states(looking) == ["sent"] * 8 + ["pending"]
    assert [len(call.messages) for call in bench.email.calls] == [3, 1, 2, 2]
    keys = [call.key for call in bench.email.calls]
    assert len(set(keys)) == len(keys)


def test_many_processes_let_no_more_through_than_the_quota(runtime: Any, looking: Any) -> None:
    bench = Bench(runtime, size=5, daily_email_quota=20)
    bench.job(40, Channel.EMAIL)
    benches = [Bench(runtime, daily_email_quota=20) for _ in range(8)]
    for number, each in enumerate(benches):
        each.work = [bench.work[number]]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, benches))

    assert bench.states(looking).count("sent") <= 20
    for each in benches:  # what one had reserved and given back is there for another
        run(each)
    assert bench.states(looking).count("sent") == 20
    assert looking["message_quotas"].find_one()["used"] == 20


def test_a_repeat_and_a_wait_count_once(runtime: Any, looking: Any) -> None:
    bench = Bench(runtime, daily_email_quota=10)
    bench.email.answers = [Ambiguous("timeout"), Busy("its breaker is open", 1.0), Accepted()]
    bench.job(2, Channel.EMAIL)

    for _ in range(3):
        run(bench)

    assert bench.states(looking) == ["sent"] * 2
    assert looking["message_quotas"].find_one()["used"] == 2


def test_campuses_and_channels_have_quotas_of_their_own(runtime: Any, looking: Any) -> None:
    bench = Bench(runtime, daily_email_quota=2, daily_sms_quota=0)
    bench.job(2, Channel.EMAIL, Channel.SMS)
    bench.job(2, Channel.EMAIL, campus_id="c2")

    assert [run(bench, number) for number in range(3)] == [Done()] * 3

    assert {row["_id"] for row in looking["message_quotas"].find()} == {"c1:email", "c2:email"}


# --- repeats after faults ---


def test_repeats_that_are_more_than_a_tenth_of_calls_wait_longer(bench: Bench) -> None:
    bench.email.answers = [Ambiguous("500")] * 14
    bench.job(3, Channel.EMAIL)

    pauses = [waits(run(bench)) for _ in range(14)]

    assert min(pauses[:10]) < SPENT_SECONDS
    assert all(pause >= SPENT_SECONDS for pause in pauses[11:])


def _shown(bench: Bench, job: BatchJob) -> Any:
    found = bench.service.find_for(job.id, job.campus_id)
    assert found is not None
    return bench.service.show(found)


def _back(looking: Any, field: str, hours: float) -> None:
    row = looking["deliveries"].find_one()
    looking["deliveries"].update_many({}, {"$set": {field: row[field] - timedelta(hours=hours)}})


def _probe_now(looking: Any) -> None:
    looking["channels"].update_many({}, {"$set": {"probe_at": datetime.now(UTC) - timedelta(seconds=1)}})
