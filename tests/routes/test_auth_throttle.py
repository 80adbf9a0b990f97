import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.permissions import Role
from main import Runtime
from tests.cast import Cast
from tests.listener import CommandLog
from tests.people import WRONG, grown, invited, log_in, told, wide

EVERY_ROW: dict[str, Any] = {"_id": {"$gt": ""}}
STRANGER, EXAM_ROOM = "10.66.0.1", "10.0.7.7"


def no_wait(db: Any) -> None:
    db.login_throttle.update_many(EVERY_ROW, {"$set": {"until": datetime.now(UTC)}})


def hashes(app: Flask) -> int:
    """How many passwords this server has compared or hashed, by its own figures."""
    text = app.test_client().get("/metrics").text
    [line] = re.findall(r"^versant_hashes_total (\S+)$", text, re.MULTILINE)
    return round(float(line))


def guess_all_day(client: FlaskClient, db: Any, username: str, times: int = 110) -> list[int]:
    """Guess from the stranger's network as if every wait were over; the later tries change nothing more."""
    statuses = []
    for _ in range(times):
        statuses.append(log_in(client, username, WRONG, STRANGER).status_code)
        no_wait(db)
    return statuses


@pytest.mark.usefixtures("long_waits")
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


@pytest.mark.usefixtures("long_waits")
@pytest.mark.parametrize("exists", [True, False])
def test_every_name_of_an_account_counts_towards_the_same_limit(
    client: FlaskClient, runtime: Runtime, exists: bool
) -> None:
    if exists:
        grown(runtime, "r1", mobile_number="+919876543210", email="r1@example.com")
    names = ["r1", "R1", " r1\t", wide("r1"), f"{wide('R')}1 "]
    others = ["9876543210", "+91 98765 43210", wide("9876543210"), "r1@example.com", "R1@EXAMPLE.COM "]

    assert [log_in(client, name, WRONG).status_code for name in names] == [401] * 5
    assert log_in(client, names[0], WRONG).status_code == 429
    if exists:
        assert [log_in(client, name, WRONG).status_code for name in others] == [429] * 5


@pytest.mark.usefixtures("long_waits")
def test_an_unknown_name_is_throttled_like_a_known_one(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")

    known = [told(log_in(client, name, WRONG)) for name in ["r1", "R1 "] * 4]
    unknown = [told(log_in(client, name, WRONG)) for name in ["r2", "R2 "] * 4]

    assert known == unknown
    assert [status for status, _ in known] == [401] * 5 + [429] * 3


@pytest.mark.usefixtures("long_waits")
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
        no_wait(db)
        assert log_in(client, "r1", WRONG).status_code == 401

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_a_right_password_clears_the_account(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    for _ in range(3):
        assert [log_in(client, "r1", WRONG).status_code for _ in range(4)] == [401] * 4
        assert log_in(client, "r1").status_code == 200


@pytest.mark.usefixtures("long_waits")
def test_of_two_hundred_parallel_guesses_at_most_ten_are_evaluated(runtime: Runtime, app: Any) -> None:
    grown(runtime, "r1")
    barrier, before = Barrier(20), hashes(app)

    def guess(number: int) -> int:
        if number < 20:
            barrier.wait()
        return int(log_in(app.test_client(), "r1", WRONG, f"10.0.{number}.1").status_code)

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(guess, range(200)))

    assert set(statuses) == {401, 429}
    assert statuses.count(401) == hashes(app) - before <= 10


def test_a_class_that_logs_in_behind_one_address_is_not_throttled(runtime: Runtime, app: Any) -> None:
    names = [f"r{number}" for number in range(60)]
    for name in names:
        grown(runtime, name)

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda name: log_in(app.test_client(), name).status_code, names))

    assert statuses == [200] * 60


@pytest.mark.usefixtures("long_waits")
def test_an_address_that_fails_a_hundred_times_waits_and_others_do_not(
    client: FlaskClient, runtime: Runtime
) -> None:
    grown(runtime, "r1")
    failed = [log_in(client, f"guess{number}", address="10.0.0.9").status_code for number in range(140)]

    assert failed[:100] == [401] * 100
    assert 429 in failed
    assert log_in(client, "r1", address="10.0.0.9").status_code == 429
    assert log_in(client, "r1", address="10.0.0.10").status_code == 200


def test_one_ipv6_network_is_one_address(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    log_in(client, "x1", address="2001:db8:1:2::1")
    log_in(client, "x2", address="2001:db8:1:2:ffff::9")
    log_in(client, "x3", address="2001:db8:1:3::1")

    networks = [row for row in db.login_throttle.find(EVERY_ROW) if "account" not in row and "now" in row]
    assert sorted(round(row["failures"]) for row in networks) == [1, 2]


def test_the_throttle_keeps_no_name_and_no_address(client: FlaskClient, db: Any) -> None:
    log_in(client, "somebody", address="10.9.8.7")

    stored = str(list(db.login_throttle.find(EVERY_ROW)))
    assert "somebody" not in stored
    assert "10.9.8.7" not in stored


def test_a_strangers_failures_do_not_keep_the_owner_out(
    client: FlaskClient, runtime: Runtime, app: Flask, db: Any
) -> None:
    grown(runtime, "r1")
    before = hashes(app)

    statuses = guess_all_day(client, db, "r1")
    told_at_last = log_in(client, "r1", address=STRANGER)

    assert statuses == [401] * 100 + [429] * 10
    assert hashes(app) - before == 100
    assert (told_at_last.status_code, told_at_last.headers["Retry-After"]) == (429, "900")
    assert log_in(client, "r1", address=EXAM_ROOM).status_code == 200


def test_a_stranger_who_guesses_now_does_not_keep_the_owner_out(
    client: FlaskClient, runtime: Runtime
) -> None:
    grown(runtime, "r1")
    for _ in range(12):
        log_in(client, "r1", WRONG, STRANGER)

    assert log_in(client, "r1", address=EXAM_ROOM).status_code == 200


def test_an_admin_unlocks_a_student(cast: Cast, client: FlaskClient, db: Any) -> None:
    student = cast.student(cast.north, "S1")
    path = f"/student_management/students/{student.id}/unlock"
    guess_all_day(client, db, "s1", 101)

    cast.south.admin.post(path, status=404)
    assert log_in(client, "s1", address=STRANGER).status_code == 429
    cast.north.admin.post(path, status=204)

    assert log_in(client, "s1", address=STRANGER).status_code == 200
    [row] = db.audit.find({"action": "student.unlocked", "campus_id": cast.north.id})
    assert (row["actor_id"], row["target"]) == (cast.north.admin.id, f"student:{student.id}")


def test_an_admin_unlocks_an_admin_who_is_not_above_them(cast: Cast, client: FlaskClient, db: Any) -> None:
    admin = cast.north.admin
    for _ in range(5):
        log_in(client, admin.username, WRONG, STRANGER)

    cast.south.admin.post(f"/admin_management/admins/{admin.id}/unlock", status=404)
    cast.superadmin.post(f"/admin_management/admins/{admin.id}/unlock", status=204)

    assert log_in(client, admin.username, address=STRANGER).status_code == 200
    assert db.audit.count_documents({"action": "admin.unlocked", "campus_id": cast.north.id}) == 1


def test_every_refusal_costs_the_same(client: FlaskClient, runtime: Runtime, app: Flask, db: Any) -> None:
    grown(runtime, "student")
    grown(runtime, "boss", Role.CAMPUS_ADMIN, campus_id="c", email="boss@example.com")
    invited(runtime, "invited")
    gone = grown(runtime, "gone")
    db.users.update_one({"_id": gone.id}, {"$set": {"status": "deactivated"}})

    seen = [cost(client, app, name) for name in ("nobody", "student", "boss", "invited", "gone")]
    by_email = [cost(client, app, name) for name in ("boss@example.com", "nobody@example.com")]

    assert seen == [seen[0]] * 5
    assert by_email == [by_email[0]] * 2
    assert seen[0][0][0] == 401
    assert seen[0][1] == 1
    assert len(seen[0][2]) <= 6


@pytest.mark.parametrize(("known", "most"), [(True, 10), (False, 12)])
def test_a_login_takes_few_commands(app: Flask, runtime: Runtime, known: bool, most: int) -> None:
    grown(runtime, "r1")
    client = app.test_client(use_cookies=known)
    log_in(client, "r1")

    with CommandLog.of_this_thread() as asked:
        assert log_in(client, "r1").status_code == 200

    assert len(asked) <= most, asked


def cost(client: FlaskClient, app: Flask, name: str) -> tuple[Any, int, list[str]]:
    """What a wrong login answers, how many hashes it takes and what it asks MongoDB."""
    before = hashes(app)
    with CommandLog.of_this_thread() as asked:
        reply = told(log_in(client, name, WRONG))
    return reply, hashes(app) - before, asked
