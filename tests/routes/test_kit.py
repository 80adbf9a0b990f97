"""What every route has in common: how requests are read, how errors leave, what each response carries."""

import gzip
import json
import logging
import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from tests.cast import Cast

LOGIN = "/auth/login"


def is_problem(reply: Any, status: int, slug: str) -> bool:
    assert reply.content_type == "application/problem+json", reply.get_data(as_text=True)
    body = reply.get_json()
    kind = slug if slug == "about:blank" else f"/problems/{slug}"
    assert (reply.status_code, body["status"], body["type"]) == (status, status, kind), body
    return bool(body["instance"] == f"urn:uuid:{reply.headers['X-Request-Id']}")


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b"{", 400, "malformed"),
        (b"", 400, "malformed"),
        (b'{"username": "a", "username": "b"}', 400, "malformed"),
        (b'{"username": NaN}', 400, "malformed"),
        (b'{"username": "a\\u0000"}', 400, "malformed"),
        (b'{"username": "\\ud800"}', 400, "malformed"),
        (b"\xff\xfe", 400, "malformed"),
        (b"[" * 100_000, 400, "malformed"),
        (b"[" * 30 + b"]" * 30, 400, "malformed"),
        (json.dumps(list(range(5000))).encode(), 400, "malformed"),
        (b"[]", 422, "invalid"),
        (b'{"username": {"$ne": null}, "password": "x"}', 422, "invalid"),
        (b'{"username": "a", "password": "b", "role": "superadmin"}', 422, "invalid"),
    ],
)
def test_a_body_that_cannot_be_used_is_a_clear_problem(
    client: FlaskClient, body: bytes, status: int, slug: str
) -> None:
    assert is_problem(client.post(LOGIN, data=body, content_type="application/json"), status, slug)


def test_wrong_fields_are_named_by_pointer(client: FlaskClient) -> None:
    reply = client.post(LOGIN, json={"username": 7})

    assert [fault["pointer"] for fault in reply.get_json()["errors"]] == ["/username", "/password"]


def test_another_content_type_is_415(client: FlaskClient) -> None:
    assert is_problem(client.post(LOGIN, data="username=a"), 415, "unsupported-type")


def test_a_body_that_is_too_large_is_413(client: FlaskClient) -> None:
    reply = client.post(LOGIN, data=b'"' + b"x" * 600_000 + b'"', content_type="application/json")

    assert is_problem(reply, 413, "too-large")


def test_an_unknown_url_and_an_undeclared_method_are_problems_too(client: FlaskClient) -> None:
    assert is_problem(client.get("/nowhere"), 404, "about:blank")
    reply = client.delete("/auth/me")
    assert is_problem(reply, 405, "about:blank")
    assert "GET" in reply.headers["Allow"]


def test_a_query_that_makes_no_sense_is_named(cast: Cast) -> None:
    admin = cast.north.admin.http

    for query, pointer in (
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=5&limit=6", "/limit"),
        ("colour=red", "/colour"),
        ("cursor=nonsense", "/cursor"),
        ("sort=password_hash", "/sort"),
    ):
        reply = admin.get(f"/student_management/students?{query}")
        assert is_problem(reply, 422, "invalid")
        assert reply.get_json()["errors"][0]["pointer"] == pointer


def test_a_request_id_is_taken_over_if_it_is_one(client: FlaskClient) -> None:
    mine = str(uuid.uuid4())

    assert client.get("/health/live", headers={"X-Request-Id": mine}).headers["X-Request-Id"] == mine
    given = client.get("/health/live", headers={"X-Request-Id": "<script>"}).headers["X-Request-Id"]
    assert uuid.UUID(given)


@pytest.mark.parametrize(
    ("said", "trace"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
        ("<script>", None),
    ],
)
def test_a_line_in_the_log_tells_its_request_person_and_trace(
    cast: Cast, caplog: pytest.LogCaptureFixture, said: str, trace: str | None
) -> None:
    mine, admin = str(uuid.uuid4()), cast.north.admin

    with caplog.at_level(logging.INFO, "versant.requests"):
        admin.get("/auth/me", headers={"X-Request-Id": mine, "traceparent": said})

    (line,) = [vars(record) for record in caplog.records if vars(record).get("request_id") == mine]
    assert (line["message"], line["principal"], line.get("trace_id")) == ("request", admin.id, trace)


def test_every_response_is_guarded_by_headers(client: FlaskClient) -> None:
    headers = client.get("/health/live").headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_a_large_reply_is_compressed_for_whoever_takes_it(client: FlaskClient) -> None:
    plain = client.get("/openapi.json")
    packed = client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.get_data()) == plain.get_data()


def test_the_openapi_document_is_valid_and_names_every_permission(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()

    validate(document)
    upload = document["paths"]["/student_management/imports"]["post"]
    assert upload["x-permission"] == "student_management:import:write"
    assert set(upload["responses"]) >= {"202", "401", "403", "413", "415", "422"}
    assert "file" in upload["requestBody"]["content"]["multipart/form-data"]["schema"]["required"]


def test_the_pages_of_the_interface_are_served_by_us(client: FlaskClient) -> None:
    page = client.get("/docs").get_data(as_text=True)

    assert "http://" not in page
    assert "https://" not in page
    assert client.get("/docs/files/swagger-ui-bundle.js").status_code == 200
    assert is_problem(client.get("/docs/files/..%2Fsecret"), 404, "not-found")
    assert is_problem(client.get("/docs/files/other.js"), 404, "not-found")


def test_every_problem_has_a_page(client: FlaskClient) -> None:
    from utils.problems import Problem

    for kind in Problem.kinds():
        page = client.get(f"/problems/{kind.slug()}")
        assert page.status_code == 200, kind
        assert kind.__doc__, f"{kind.__name__} says nothing to whoever meets it"
    assert is_problem(client.get("/problems/no-such"), 404, "not-found")


def test_readiness_names_every_dependency_and_loop(client: FlaskClient) -> None:
    reply = client.get("/health/ready")

    names = {part["name"] for part in reply.get_json()["parts"]}
    assert reply.status_code == 200
    assert {"mongodb", "email", "sms", "loop:claim-messages", "loop:rescue-jobs"} <= names


def test_figures_are_for_this_machine_only(client: FlaskClient) -> None:
    text = client.get("/metrics").get_data(as_text=True)

    assert "versant_requests_total" in text
    assert "versant_loop_age_seconds" in text
    assert is_problem(client.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.9"}), 403, "forbidden")
    assert is_problem(client.get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"}), 403, "forbidden")


@pytest.mark.expects_errors
def test_an_error_that_nobody_foresaw_tells_nothing_of_its_cause(app: Any) -> None:
    from flask import Flask

    from routes._kit import errors

    broken = Flask("broken")
    errors.install(broken)

    @broken.get("/")
    def fail() -> str:
        raise RuntimeError("mongodb://user:secret@host")

    reply = broken.test_client().get("/")

    body = reply.get_json()
    assert (reply.status_code, body["type"]) == (500, "/problems/problem")
    assert "secret" not in reply.get_data(as_text=True)


def test_the_same_creating_request_with_its_key_is_done_once(cast: Cast) -> None:
    boss, key = cast.superadmin, {"Idempotency-Key": "campus-1"}
    place = {"name": "West", "code": "W", "timezone": "Asia/Kolkata"}

    first = boss.post("/campus_management/campuses", place, headers=key)
    again = boss.post("/campus_management/campuses", place, headers=key)
    other = boss.post("/campus_management/campuses", {**place, "code": "W2"}, headers=key, status=422)

    assert first == again
    assert other["type"] == "/problems/idempotency-key-reused"
    assert len(boss.get("/campus_management/campuses")["items"]) == 1


def test_a_failed_request_leaves_its_key_unused(cast: Cast) -> None:
    boss, key = cast.superadmin, {"Idempotency-Key": "course-1"}
    course = {"campus_id": "0" * 24, "name": "CSE", "code": "CSE"}

    boss.post("/course_management/courses", course, headers=key, status=422)
    boss.post("/course_management/courses", {**course, "campus_id": cast.north.id, "code": "X1"}, headers=key)


def test_only_listed_origins_may_read_replies_from_a_browser() -> None:
    from flask import Flask

    from config.settings import Settings
    from routes._kit import app_setup

    app = Flask("listed")
    settings = Settings(cors_origins=("https://front.example",), jwt_secret_key="k" * 40)
    app_setup.install(app, settings, "1")
    app.add_url_rule("/", "home", lambda: "hello")

    listed = app.test_client().get("/", headers={"Origin": "https://front.example"})
    other = app.test_client().get("/", headers={"Origin": "https://evil.example"})

    assert listed.headers["Access-Control-Allow-Origin"] == "https://front.example"
    assert "Access-Control-Allow-Origin" not in other.headers
