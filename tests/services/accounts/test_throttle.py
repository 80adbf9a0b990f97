import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from main import Runtime
from services.accounts.door import LoginFailed
from services.accounts.throttle import (
    EVERYWHERE,
    NETWORK,
    OWN,
    WIDE,
    LoginThrottle,
    TooManyAttempts,
)
from services.accounts.throttle_repository import ThrottleRepository

EVERY_ROW: dict[str, Any] = {"_id": {"$gt": ""}}
HERE, ELSEWHERE = "10.0.0.1", "10.0.9.9"


@pytest.fixture
def throttle(runtime: Runtime) -> LoginThrottle:
    return LoginThrottle(ThrottleRepository(runtime.store))


def fail(throttle: LoginThrottle, account: str | None = "u1", address: str = HERE, **more: Any) -> None:
    with pytest.raises(LoginFailed), throttle.guarding(account, address, LoginFailed, **more):
        raise LoginFailed


def succeed(throttle: LoginThrottle, account: str | None = "u1", address: str = HERE, **more: Any) -> None:
    with throttle.guarding(account, address, LoginFailed, **more):
        pass


def refused(throttle: LoginThrottle, account: str | None = "u1", address: str = HERE, **more: Any) -> float:
    with pytest.raises(TooManyAttempts) as caught:
        succeed(throttle, account, address, **more)
    assert caught.value.retry_after is not None
    return caught.value.retry_after


def no_wait(db: Any) -> None:
    db.login_throttle.update_many(EVERY_ROW, {"$set": {"until": datetime.now(UTC)}})


def failed_in_a_row(throttle: LoginThrottle, db: Any, times: int, **more: Any) -> None:
    """Fail as often, as if the waits were over each time."""
    for _ in range(times):
        fail(throttle, **more)
        no_wait(db)


def test_five_tries_may_run_at_once_in_a_network_and_no_more(throttle: LoginThrottle) -> None:
    with ExitStack() as running:
        for _ in range(OWN.at_once):
            running.enter_context(throttle.guarding("u1", HERE, LoginFailed))
        assert refused(throttle) == 1.0

    succeed(throttle)


def test_failed_and_running_tries_count_together(throttle: LoginThrottle) -> None:
    for _ in range(4):
        fail(throttle)

    with throttle.guarding("u1", HERE, LoginFailed):
        refused(throttle)


def test_from_many_networks_ten_tries_are_evaluated_at_once(throttle: LoginThrottle) -> None:
    with ExitStack() as running:
        for number in range(WIDE.at_once):
            running.enter_context(throttle.guarding("u1", f"10.1.{number}.1", LoginFailed))
        refused(throttle, address=ELSEWHERE)


def test_a_check_that_could_not_be_made_counts_as_none(throttle: LoginThrottle, db: Any) -> None:
    for _ in range(20):
        with pytest.raises(LookupError), throttle.guarding("u1", HERE, LoginFailed):
            raise LookupError

    assert [(row["failures"], row["open"]) for row in db.login_throttle.find(EVERY_ROW)] == [(0, [])] * 3


def test_a_refused_try_counts_nowhere(throttle: LoginThrottle, db: Any) -> None:
    for _ in range(5):
        fail(throttle)
    a_long_wait = {"until": datetime.now(UTC) + timedelta(minutes=5)}
    db.login_throttle.update_many(EVERY_ROW, {"$set": a_long_wait})
    for _ in range(50):
        refused(throttle)

    assert max(round(row["failures"]) for row in db.login_throttle.find(EVERY_ROW)) == 5
    assert all(row["open"] == [] for row in db.login_throttle.find({"open": {"$exists": True}}).hint("_id_"))


def test_a_try_that_died_with_its_process_is_forgotten(throttle: LoginThrottle, db: Any) -> None:
    long_ago = datetime.now(UTC) - timedelta(seconds=31)
    running = [throttle.guarding("u1", HERE, LoginFailed) for _ in range(OWN.at_once)]
    for one in running:
        one.__enter__()
    db.login_throttle.update_many(EVERY_ROW, {"$set": {"open.$[].at": long_ago}})

    succeed(throttle)


def test_failures_are_forgotten_one_by_one(throttle: LoginThrottle, db: Any) -> None:
    for _ in range(4):
        fail(throttle)
    half_an_hour_ago = datetime.now(UTC) - timedelta(minutes=30)
    db.login_throttle.update_many(EVERY_ROW, {"$set": {"at": half_an_hour_ago}})

    fail(throttle)

    left = sorted(round(row["failures"], 1) for row in db.login_throttle.find(EVERY_ROW))
    assert left == [1.0, 1.0, 1.0, 3.0]  # an account in one network is remembered longer than the others


def test_rows_go_away_by_themselves(throttle: LoginThrottle, db: Any) -> None:
    fail(throttle)

    ends = sorted(row["expires_at"] - datetime.now(UTC) for row in db.login_throttle.find(EVERY_ROW))
    assert timedelta(0) < ends[0]
    assert ends[-1] <= timedelta(hours=6)


def test_first_tries_at_the_same_moment_are_all_counted(throttle: LoginThrottle, db: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: fail(throttle, f"v{number}"), range(40)))

    assert max(round(row["failures"]) for row in db.login_throttle.find(EVERY_ROW)) == 40


def test_a_hundred_failures_in_a_row_end_it_from_there_until_unlocked(
    throttle: LoginThrottle, db: Any
) -> None:
    failed_in_a_row(throttle, db, 100)
    next_year = {"at": datetime.now(UTC) - timedelta(days=365), "until": datetime.now(UTC)}
    db.login_throttle.update_many(EVERY_ROW, {"$set": next_year})

    assert refused(throttle) == 900.0
    succeed(throttle, address=ELSEWHERE)
    assert max(row["expires_at"] for row in db.login_throttle.find(EVERY_ROW)) > datetime.now(
        UTC
    ) + timedelta(days=3000)

    throttle.unlock("u1")
    succeed(throttle)


def test_one_network_alone_slows_no_other(throttle: LoginThrottle, db: Any) -> None:
    failed_in_a_row(throttle, db, 60)

    fail(throttle, address=ELSEWHERE)
    time.sleep(1.0)
    succeed(throttle, address=ELSEWHERE)


@pytest.mark.usefixtures("long_waits")
def test_many_networks_together_are_slowed_and_a_known_device_is_not(
    throttle: LoginThrottle,
) -> None:
    for number in range(WIDE.free):
        fail(throttle, address=f"10.2.{number}.1")

    assert 1.0 <= refused(throttle, address=ELSEWHERE) <= WIDE.longest
    succeed(throttle, address=ELSEWHERE, device="d1")


@pytest.mark.usefixtures("long_waits")
def test_where_somebody_logged_in_before_strangers_elsewhere_do_not_slow_them(
    throttle: LoginThrottle,
) -> None:
    succeed(throttle, address=ELSEWHERE)
    for number in range(WIDE.free):
        fail(throttle, address=f"10.2.{number}.1")

    refused(throttle)
    succeed(throttle, address=ELSEWHERE)


def test_a_link_makes_its_owner_at_home_where_it_was_used(throttle: LoginThrottle) -> None:
    throttle.unlock("u1")
    throttle.welcome("u1", ELSEWHERE)
    for number in range(WIDE.free):
        fail(throttle, address=f"10.2.{number}.1")

    succeed(throttle, address=ELSEWHERE)


@pytest.mark.usefixtures("long_waits")
def test_who_has_not_come_in_for_thirty_days_is_at_home_there_no_more(
    throttle: LoginThrottle, db: Any
) -> None:
    succeed(throttle, "u1", address=ELSEWHERE)
    db.login_throttle.update_many(
        EVERY_ROW, {"$set": {"welcome.$[].at": datetime.now(UTC) - timedelta(days=31)}}
    )
    succeed(throttle, "u2", address=ELSEWHERE)  # the network itself stays in use
    for number in range(WIDE.free):
        fail(throttle, address=f"10.2.{number}.1")

    refused(throttle, address=ELSEWHERE)


@pytest.mark.usefixtures("long_waits")
def test_a_known_device_has_a_lane_of_its_own(throttle: LoginThrottle) -> None:
    for _ in range(5):
        fail(throttle)
        fail(throttle, device="d1")

    assert refused(throttle, device="d1") >= 1.0
    succeed(throttle, device="d2")


@pytest.mark.usefixtures("long_waits")
def test_a_campus_goes_on_when_one_of_its_students_guesses(throttle: LoginThrottle, db: Any) -> None:
    for student in ("s1", "s2", "s3"):
        succeed(throttle, student)
    for number in range(int(NETWORK.free) + 20):
        fail(throttle, f"victim{number}")

    succeed(throttle, "s4")
    fail(throttle, "s5")
    refused(throttle, "s5")  # while it goes on, one failure of an account is free, not five


@pytest.mark.usefixtures("long_waits")
def test_a_network_where_nobody_is_at_home_waits(throttle: LoginThrottle) -> None:
    for number in range(int(NETWORK.free)):
        fail(throttle, f"victim{number}")

    assert refused(throttle, "s1") >= 1.0
    succeed(throttle, "s1", ELSEWHERE)


@pytest.mark.usefixtures("long_waits")
def test_under_siege_a_new_network_has_ten_free_failures(throttle: LoginThrottle, db: Any) -> None:
    fail(throttle)
    [siege] = [row for row in db.login_throttle.find(EVERY_ROW) if "account" not in row and "now" not in row]
    db.login_throttle.update_one({"_id": siege["_id"]}, {"$set": {"failures": EVERYWHERE.free + 60}})

    for number in range(10):
        fail(throttle, f"victim{number}", ELSEWHERE)
    refused(throttle, "victim10", ELSEWHERE)
