import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient

from config.permissions import Role
from main import Runtime
from tests.people import WRONG, grown, invited, log_in, told


def test_after_five_wrong_tries_even_the_right_password_waits(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    grown(runtime, "r2")

    statuses = [log_in(client, "r1", WRONG).status_code for _ in range(5)]
    blocked = log_in(client, "r1")

    assert statuses == [401] * 5
    assert blocked.status_code == 429
    assert blocked.get_json()["type"] == "/problems/too-many-attempts"
    assert int(blocked.headers["Retry-After"]) >= 1
    assert log_in(client, "r2").status_code == 200


def test_every_name_of_an_account_counts_towards_the_same_limit(
    client: FlaskClient, runtime: Runtime
) -> None:
    grown(runtime, "r1", mobile_number="+919876543210", email="r1@example.com")
    names = ["r1", "R1", "9876543210", "+91 98765 43210", "r1@example.com"]

    assert [log_in(client, name, WRONG).status_code for name in names] == [401] * 5
    assert [log_in(client, name, WRONG).status_code for name in names] == [429] * 5


def test_an_unknown_name_is_throttled_like_a_known_one(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")

    known = [told(log_in(client, name, WRONG)) for name in ["r1", "R1 "] * 4]
    unknown = [told(log_in(client, name, WRONG)) for name in ["r2", "R2 "] * 4]

    assert known == unknown
    assert [status for status, _ in known] == [401] * 5 + [429] * 3


def test_the_forms_of_an_unknown_mobile_number_are_one_name(client: FlaskClient) -> None:
    forms = ["9876543210", "+91 98765 43210", "098765 43210", "919876543210", "98765-43210"]

    assert [log_in(client, form).status_code for form in [*forms, forms[0]]] == [401] * 5 + [429]


def test_each_further_failure_doubles_the_wait(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    grown(runtime, "r1")
    for _ in range(5):
        log_in(client, "r1", WRONG)
    waits = []
    for _ in range(12):
        waits.append(int(log_in(client, "r1", WRONG).headers["Retry-After"]))
        db.login_throttle.update_many({"_id": {"$gt": ""}}, {"$set": {"until": datetime.now(UTC)}})
        assert log_in(client, "r1", WRONG).status_code == 401

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_a_right_password_clears_the_account(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    for _ in range(3):
        assert [log_in(client, "r1", WRONG).status_code for _ in range(4)] == [401] * 4
        assert log_in(client, "r1").status_code == 200


def test_of_two_hundred_parallel_guesses_at_most_ten_are_evaluated(runtime: Runtime, app: Any) -> None:
    grown(runtime, "r1")
    barrier = Barrier(20)

    def guess(number: int) -> int:
        if number < 20:
            barrier.wait()
        return int(log_in(app.test_client(), "r1", WRONG, f"10.0.{number}.1").status_code)

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(guess, range(200)))

    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 10


def test_a_class_that_logs_in_behind_one_address_is_not_throttled(runtime: Runtime, app: Any) -> None:
    names = [f"r{number}" for number in range(60)]
    for name in names:
        grown(runtime, name)

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda name: log_in(app.test_client(), name).status_code, names))

    assert statuses == [200] * 60


def test_an_address_that_fails_a_hundred_times_waits_and_others_do_not(
    client: FlaskClient, runtime: Runtime
) -> None:
    grown(runtime, "r1")
    failed = [log_in(client, f"guess{number}", address="10.0.0.9").status_code for number in range(115)]

    assert failed[:100] == [401] * 100
    assert 429 in failed
    assert log_in(client, "r1", address="10.0.0.9").status_code == 429
    assert log_in(client, "r1", address="10.0.0.10").status_code == 200


def test_one_ipv6_network_is_one_address(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    log_in(client, "x1", address="2001:db8:1:2::1")
    log_in(client, "x2", address="2001:db8:1:2:ffff::9")
    log_in(client, "x3", address="2001:db8:1:3::1")

    failures = sorted(round(row["failures"]) for row in db.login_throttle.find({"_id": {"$gt": ""}}))
    assert failures == [1, 1, 1, 1, 2]


def test_the_throttle_keeps_no_name_and_no_address(client: FlaskClient, db: Any) -> None:
    log_in(client, "somebody", address="10.9.8.7")

    stored = str(list(db.login_throttle.find({"_id": {"$gt": ""}})))
    assert "somebody" not in stored
    assert "10.9.8.7" not in stored


@pytest.mark.slow
def test_the_time_of_a_refusal_tells_nothing(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    each = 100
    for number in range(each):
        grown(runtime, f"student{number}")
        grown(runtime, f"boss{number}", Role.CAMPUS_ADMIN, campus_id="c", email=f"boss{number}@example.com")
        invited(runtime, f"invited{number}")
        gone = grown(runtime, f"gone{number}")
        db.users.update_one({"_id": gone.id}, {"$set": {"status": "deactivated"}})

    for _ in range(3):  # a busy machine may blur one round
        seconds = timed(client, ("nobody", "student", "boss", "invited", "gone"), each)
        worst = max(abs(auc(seconds["nobody"], other) - 0.5) for other in seconds.values())
        db.login_throttle.delete_many({"_id": {"$gt": ""}})
        if worst <= 0.1:
            return
    pytest.fail(f"an unknown name can be told from a known one: AUC {0.5 + worst:.2f}")


def timed(client: FlaskClient, kinds: tuple[str, ...], each: int) -> dict[str, list[float]]:
    """Seconds that wrong logins take, by kind of account, interleaved."""
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(each):
        for kind in kinds:
            begun = time.perf_counter()
            assert log_in(client, f"{kind}{number}", WRONG, f"10.1.{number}.1").status_code == 401
            seconds[kind].append(time.perf_counter() - begun)
    return seconds


def auc(some: list[float], others: list[float]) -> float:
    """How often one of ``others`` takes longer than one of ``some``; 0.5 tells nothing."""
    return sum((a < b) + (a == b) / 2 for a in some for b in others) / (len(some) * len(others))
