"""The second factor: set up, asked for at logins, used once, removed, reset; and asked of whole roles."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.permissions import Role
from main import Runtime
from routes._kit.devices import HEADER
from services.accounts.principals import Demands
from tests.cast import PASSWORD, Cast, Person
from tests.people import OTHER, WRONG, bearer, grown, log_in, told
from tests.routes.test_fresh import STALE, forget_proof

FAILED = "/problems/login-failed"
NEEDED = "/problems/second-factor-required"
STEP = 30


class Hands:
    """A clock that stands in the middle of a step of half a minute, until the test moves it."""

    def __init__(self) -> None:
        self.seconds = time.time() // STEP * STEP + STEP / 2

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


class App:
    """Somebody's authenticator app."""

    def __init__(self, secret: str, hands: Hands) -> None:
        self._totp, self._hands = pyotp.TOTP(secret), hands

    def code(self) -> str:
        """Wait for the next code and return it."""
        self._hands.seconds += STEP
        return self._totp.at(self._hands.seconds)


def enter(client: FlaskClient, code: str | None, password: str = PASSWORD, username: str = "r1") -> Any:
    body = {"username": username, "password": password, **({"totp": code} if code else {})}
    return client.post("/auth/login", json=body)


@pytest.fixture
def owner(app: Flask, runtime: Runtime) -> Person:
    """The student r1, who has logged in."""
    grown(runtime, "r1")
    return Person(app, "r1")


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch, runtime: Runtime) -> Hands:
    """The clock by which the server judges codes."""
    made = Hands()
    monkeypatch.setattr(runtime.services.own_factor._factors, "_clock", made)
    return made


@pytest.fixture
def phone(owner: Person, hands: Hands) -> App:
    """The app of r1, whose second factor is set up."""
    return set_up(owner, hands)[0]


def set_up(person: Person, hands: Hands) -> tuple[App, list[str]]:
    """Set up a second factor; return the app and the recovery codes."""
    app = App(person.post("/auth/totp/begin", status=200)["secret"], hands)
    return app, person.post("/auth/totp/confirm", {"code": app.code()}, status=200)["recovery_codes"]


def test_a_second_factor_is_set_up_and_then_asked_for(
    client: FlaskClient, owner: Person, db: Any, hands: Hands
) -> None:
    begun = owner.post("/auth/totp/begin", status=200)
    app = App(begun["secret"], hands)
    assert begun["uri"].startswith("otpauth://totp/VERSANT:r1?secret=" + begun["secret"])
    assert begun["qr_svg"].startswith("<svg")
    assert enter(client, None).status_code == 200, "what is not confirmed does not count"

    codes = owner.post("/auth/totp/confirm", {"code": app.code()}, status=200)["recovery_codes"]

    assert (len(set(codes)), {len(code) for code in codes}) == (10, {19})
    assert owner.get("/auth/me")["has_second_factor"]
    assert told(enter(client, None)) == (
        401,
        {"type": NEEDED, "title": "A code of your second factor is needed", "status": 401},
    )
    assert enter(client, app.code()).status_code == 200
    assert db.audit.count_documents({"action": "second_factor.set_up", "actor_id": owner.id}) == 1


def test_setting_it_up_ends_the_sessions_that_began_without_it(
    owner: Person, app: Flask, hands: Hands
) -> None:
    elsewhere = Person(app, "r1")

    set_up(owner, hands)

    owner.get("/auth/me")
    elsewhere.get("/auth/me", status=401)


def test_a_wrong_password_is_told_the_same_with_and_without_a_second_factor(
    client: FlaskClient, phone: App, runtime: Runtime
) -> None:
    grown(runtime, "r2")

    answers = [
        told(enter(client, code, password, name))
        for name, password, code in [
            ("r1", WRONG, None),
            ("r1", WRONG, phone.code()),
            ("r1", PASSWORD, "000000"),
            ("r2", WRONG, None),
            ("r2", WRONG, "000000"),
            ("nobody", WRONG, "000000"),
        ]
    ]

    assert answers == [answers[0]] * 6
    assert answers[0][1]["type"] == FAILED


@pytest.mark.usefixtures("long_waits")
def test_codes_cannot_be_guessed_by_whoever_has_the_password(client: FlaskClient, phone: App) -> None:
    def attempts() -> Iterator[int]:
        for _ in range(5):
            yield enter(client, "000000").status_code
            yield enter(client, None).status_code  # right so far: clears nothing

    assert list(attempts()) == [401] * 9 + [429]
    assert enter(client, "000000").status_code == 429
    assert enter(client, phone.code()).status_code == 429


@pytest.mark.usefixtures("long_waits")
def test_nothing_that_takes_the_password_or_the_code_alone_clears_wrong_codes(
    owner: Person, hands: Hands
) -> None:
    code = set_up(owner, hands)[1][0]
    wrong = {"password": PASSWORD, "code": "000000"}
    wishes = [{"current_password": PASSWORD, "new_password": new} for new in (PASSWORD, "short", OTHER)]
    statuses = []
    for _ in range(4):
        statuses.append(owner.http.post("/auth/confirm", json=wrong).status_code)
        for wish in wishes:
            owner.post("/auth/change_password", wish, status=422)
        code = owner.post("/auth/totp/recovery_codes", {"code": code}, status=200)["recovery_codes"][0]
    statuses += [owner.http.post("/auth/confirm", json=wrong).status_code for _ in range(2)]

    assert statuses == [422] * 5 + [429]


def test_another_password_asks_for_the_code_too(client: FlaskClient, owner: Person, phone: App) -> None:
    wish = {"current_password": PASSWORD, "new_password": OTHER}
    missing = owner.post("/auth/change_password", wish, status=422)
    wrong = owner.post("/auth/change_password", wish | {"code": "000000"}, status=422)
    code = phone.code()
    owner.post("/auth/change_password", wish | {"code": code, "new_password": "too short"}, status=422)

    owner.post("/auth/change_password", wish | {"code": code}, status=204)

    assert missing["type"] == wrong["type"] == "/problems/wrong-code"
    assert missing["errors"][0]["pointer"] == wrong["errors"][0]["pointer"] == "/code"
    assert enter(client, code, OTHER).status_code == 401, "it is used up"
    assert enter(client, phone.code(), OTHER).status_code == 200


@pytest.mark.usefixtures("long_waits")
def test_a_stranger_behind_the_same_address_keeps_nobody_from_their_second_factor(
    app: Flask, owner: Person, hands: Hands
) -> None:
    stranger = app.test_client()
    begun = App(owner.post("/auth/totp/begin", status=200)["secret"], hands)
    known = {HEADER: owner.login["device_token"]}
    for _ in range(8):
        log_in(stranger, "r1", WRONG, "127.0.0.1")
    assert log_in(stranger, "r1", address="127.0.0.1").status_code == 429

    def ask(method: str, path: str) -> int:
        reply = owner.http.open(path, method=method, json={"code": begun.code()}, headers=known)
        return int(reply.status_code)

    assert ask("POST", "/auth/totp/confirm") == 200
    assert ask("POST", "/auth/totp/recovery_codes") == 200
    assert ask("DELETE", "/auth/totp") == 204


def test_a_password_without_its_code_is_no_failed_try(client: FlaskClient, phone: App) -> None:
    assert {enter(client, None).get_json()["type"] for _ in range(12)} == {NEEDED}

    assert enter(client, phone.code()).status_code == 200


def test_a_code_works_once_and_none_before_it(client: FlaskClient, phone: App) -> None:
    first, second = phone.code(), phone.code()

    assert enter(client, second).status_code == 200
    assert enter(client, second).get_json()["type"] == FAILED
    assert enter(client, first).get_json()["type"] == FAILED


def test_of_those_who_use_a_code_at_once_one_gets_in(app: Flask, phone: App) -> None:
    code = phone.code()

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: enter(app.test_client(), code).status_code, range(4)))

    assert sorted(statuses) == [200, 401, 401, 401]


@pytest.mark.parametrize(("seconds", "status"), [(-60, 401), (-30, 200), (30, 200), (60, 401)])
def test_a_code_may_be_half_a_minute_off_and_no_more(
    client: FlaskClient, phone: App, hands: Hands, seconds: float, status: int
) -> None:
    code = phone.code()
    hands.seconds += seconds

    assert enter(client, code).status_code == status


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "\u0661" * 6, "x" * 41])
def test_what_is_no_code_is_refused(client: FlaskClient, phone: App, code: str) -> None:
    reply = client.post("/auth/login", json={"username": "r1", "password": PASSWORD, "totp": code})

    assert reply.status_code in (401, 422)


def test_a_recovery_code_lets_in_once_however_it_is_typed(
    client: FlaskClient, owner: Person, db: Any, hands: Hands
) -> None:
    codes = set_up(owner, hands)[1]

    assert enter(client, f" {codes[0].upper().replace('-', ' ')}").status_code == 200
    assert enter(client, codes[0]).status_code == 401
    assert enter(client, codes[1]).status_code == 200
    assert not [code for code in codes if code in str(db.users.find_one({"_id": owner.id}))]
    assert len(db.users.find_one({"_id": owner.id})["second_factor"]["recovery_hashes"]) == 8


def test_new_recovery_codes_end_the_old_ones(client: FlaskClient, owner: Person, hands: Hands) -> None:
    app, old = set_up(owner, hands)

    new = owner.post("/auth/totp/recovery_codes", {"code": app.code()}, status=200)["recovery_codes"]

    assert not set(new) & set(old)
    assert enter(client, old[0]).status_code == 401
    assert enter(client, new[0]).status_code == 200


def test_it_is_removed_with_a_code_and_only_then(client: FlaskClient, owner: Person, phone: App) -> None:
    refused = owner.http.delete("/auth/totp", json={"code": "000000"})
    assert (refused.status_code, refused.get_json()["type"]) == (422, "/problems/wrong-code")

    assert owner.http.delete("/auth/totp", json={"code": phone.code()}).status_code == 204

    assert enter(client, None).status_code == 200
    assert owner.http.delete("/auth/totp", json={"code": "000000"}).status_code == 404


def test_there_is_one_at_a_time(owner: Person, phone: App) -> None:
    assert owner.post("/auth/totp/begin", status=409)["type"] == "/problems/second-factor-exists"
    again = owner.post("/auth/totp/confirm", {"code": phone.code()}, status=409)
    assert again["type"] == "/problems/second-factor-not-begun"


def test_only_the_newest_secret_is_confirmed(owner: Person, hands: Hands) -> None:
    old = App(owner.post("/auth/totp/begin", status=200)["secret"], hands)
    new = App(owner.post("/auth/totp/begin", status=200)["secret"], hands)

    assert (
        owner.post("/auth/totp/confirm", {"code": old.code()}, status=422)["type"] == "/problems/wrong-code"
    )
    owner.post("/auth/totp/confirm", {"code": new.code()}, status=200)


def test_a_proof_asks_for_the_code_too(owner: Person, phone: App, db: Any, runtime: Runtime) -> None:
    forget_proof(db, owner.id, hours=1)
    runtime.services.authentication._principals.changed(owner.id)
    missing = owner.post("/auth/confirm", {"password": PASSWORD}, status=422)
    owner.post("/auth/confirm", {"password": PASSWORD, "code": "000000"}, status=422)
    owner.post("/auth/confirm", {"password": WRONG, "code": phone.code()}, status=422)
    assert owner.http.delete("/auth/totp", json={"code": "1"}).get_json()["type"] == STALE

    owner.post("/auth/confirm", {"password": PASSWORD, "code": phone.code()}, status=204)

    assert missing["errors"][0]["pointer"] == "/code"
    assert owner.http.delete("/auth/totp", json={"code": "1"}).status_code == 422


def test_the_database_holds_neither_secret_nor_codes(owner: Person, db: Any, hands: Hands) -> None:
    secret = owner.post("/auth/totp/begin", status=200)["secret"]
    codes = owner.post("/auth/totp/confirm", {"code": App(secret, hands).code()}, status=200)[
        "recovery_codes"
    ]

    stored = "".join(str(list(db[name].find())) for name in db.list_collection_names())

    assert [one for one in (secret, *codes) if one in stored] == []


def test_another_admin_resets_a_lost_one(cast: Cast, app: Flask, db: Any, hands: Hands) -> None:
    admin, boss = cast.north.admin, cast.superadmin
    set_up(admin, hands)
    path = f"/admin_management/admins/{admin.id}/second_factor"
    assert cast.south.admin.delete(path, status=404)
    assert admin.delete(path, status=409)["type"] == "/problems/not-yourself"

    boss.delete(path)
    boss.delete(path)

    admin.get("/auth/me", status=401)
    assert Person(app, admin.username).get("/auth/me")["has_second_factor"] is False
    assert db.audit.count_documents({"action": "admin.second_factor_reset", "actor_id": boss.id}) == 1


def test_the_own_campus_resets_that_of_a_student(cast: Cast, app: Flask, db: Any, hands: Hands) -> None:
    student = cast.student(cast.north, "R1")
    set_up(student, hands)
    path = f"/student_management/students/{student.id}/second_factor"
    assert cast.south.admin.delete(path, status=404)
    assert student.delete(path, status=403)

    cast.north.admin.delete(path)

    assert Person(app, "r1").get("/auth/me")["has_second_factor"] is False
    assert db.audit.count_documents({"action": "student.second_factor_reset"}) == 1


@pytest.fixture
def demanding(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that asks superadmins for a second factor."""
    principals = runtime.services.authentication._principals
    demands = replace(principals._demands, second_factor_of=frozenset({Role.SUPERADMIN}))
    assert isinstance(demands, Demands)
    monkeypatch.setattr(principals, "_demands", demands)


@pytest.mark.usefixtures("demanding")
def test_a_role_that_needs_one_can_do_nothing_before(
    cast: Cast, client: FlaskClient, runtime: Runtime, hands: Hands
) -> None:
    boss = cast.superadmin

    refused = boss.get("/admin_management/admins", status=403)
    assert refused["type"] == "/problems/second-factor-setup-required"
    boss.get("/auth/sessions", status=403)
    boss.get("/auth/me")
    assert not runtime.socketio.test_client(boss.http.application, auth={"token": boss.token}).is_connected()

    set_up(boss, hands)

    boss.get("/admin_management/admins")


@pytest.mark.usefixtures("demanding")
def test_other_roles_notice_nothing_of_it(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    token = log_in(client, "r1").get_json()["access_token"]

    assert client.get("/auth/sessions", headers=bearer(token)).status_code == 200
