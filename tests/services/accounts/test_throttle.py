from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from main import Runtime
from services.accounts.access_repository import ThrottleRepository
from services.accounts.door import LoginFailed
from services.accounts.throttle import ACCOUNT, LoginThrottle, TooManyAttempts

EVERY_ROW: dict[str, Any] = {"_id": {"$gt": ""}}


@pytest.fixture
def throttle(runtime: Runtime) -> LoginThrottle:
    return LoginThrottle(ThrottleRepository(runtime.store))


def fail(throttle: LoginThrottle, account: str = "u1", address: str = "10.0.0.1") -> None:
    with pytest.raises(LoginFailed), throttle.guarding(account, address, LoginFailed):
        raise LoginFailed


def test_ten_tries_may_run_at_once_and_no_more(throttle: LoginThrottle) -> None:
    with ExitStack() as running:
        for _ in range(ACCOUNT.at_once):
            running.enter_context(throttle.guarding("u1", "10.0.0.1", LoginFailed))
        with pytest.raises(TooManyAttempts) as caught, throttle.guarding("u1", "10.0.0.1", LoginFailed):
            pass

    assert caught.value.retry_after == 1.0
    with throttle.guarding("u1", "10.0.0.1", LoginFailed):
        pass


def test_failed_and_running_tries_count_together(throttle: LoginThrottle) -> None:
    for _ in range(4):
        fail(throttle)

    with ExitStack() as running:
        for _ in range(ACCOUNT.at_once - 4):
            running.enter_context(throttle.guarding("u1", "10.0.0.1", LoginFailed))
        with pytest.raises(TooManyAttempts), throttle.guarding("u1", "10.0.0.1", LoginFailed):
            pass


def test_a_check_that_could_not_be_made_counts_as_none(throttle: LoginThrottle, db: Any) -> None:
    for _ in range(20):
        with pytest.raises(LookupError), throttle.guarding("u1", "10.0.0.1", LoginFailed):
            raise LookupError

    assert [(row["failures"], row["open"]) for row in db.login_throttle.find(EVERY_ROW)] == [(0, [])] * 2


def test_a_refused_try_does_not_count_for_its_address(throttle: LoginThrottle, db: Any) -> None:
    for _ in range(5):
        fail(throttle)
    for _ in range(50):
        with pytest.raises(TooManyAttempts):
            fail(throttle)

    assert max(round(row["failures"]) for row in db.login_throttle.find(EVERY_ROW)) == 5
    assert all(row["open"] == [] for row in db.login_throttle.find(EVERY_ROW))


def test_a_try_that_died_with_its_process_is_forgotten(throttle: LoginThrottle, db: Any) -> None:
    long_ago = datetime.now(UTC) - timedelta(seconds=31)
    running = [throttle.guarding("u1", "10.0.0.1", LoginFailed) for _ in range(ACCOUNT.at_once)]
    for one in running:
        one.__enter__()
    db.login_throttle.update_many(EVERY_ROW, {"$set": {"open.$[].at": long_ago}})

    with throttle.guarding("u1", "10.0.0.1", LoginFailed):
        pass


def test_failures_are_forgotten_one_by_one(throttle: LoginThrottle, db: Any) -> None:
    for _ in range(4):
        fail(throttle)
    half_an_hour_ago = datetime.now(UTC) - timedelta(minutes=30)
    db.login_throttle.update_many(EVERY_ROW, {"$set": {"at": half_an_hour_ago}})

    fail(throttle)

    left = sorted(round(row["failures"], 1) for row in db.login_throttle.find(EVERY_ROW))
    assert left == [1.0, 3.0]  # the address forgets sooner than the account


def test_rows_go_away_by_themselves(throttle: LoginThrottle, db: Any) -> None:
    fail(throttle)

    ends = [row["expires_at"] - datetime.now(UTC) for row in db.login_throttle.find(EVERY_ROW)]
    assert all(timedelta(0) < end <= timedelta(hours=1) for end in ends)
