from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.permissions import Role
from config.settings import Settings
from main import Runtime, create_app
from services.ports import Channel, Message
from tests.cast import Cast
from tests.people import bearer, grown, log_in

OUTBOX = "/email_management/outbox"


def put(runtime: Runtime, *numbers: int) -> None:
    """Send messages by email: they lie in the outbox, the last one newest."""
    outbox: Any = runtime.services.outbox
    for number in numbers:
        to = f"person{number}@example.com"
        outbox.append(
            [Message(f"d{number}", Channel.EMAIL, to, "Asha", f"Subject {number}", "text", "<p>h</p>")]
        )


def test_a_superadmin_reads_the_newest_messages_first(cast: Cast, runtime: Runtime) -> None:
    put(runtime, 1, 2)

    page = cast.superadmin.get(OUTBOX)

    newest = page["items"][0]
    assert page["next_before"] is None
    assert [message["delivery_id"] for message in page["items"]] == ["d2", "d1"]
    assert newest.pop("sent_at").endswith("Z")
    assert newest == {
        "delivery_id": "d2",
        "channel": "email",
        "to": "person2@example.com",
        "subject": "Subject 2",
        "text": "text",
        "html": "<p>h</p>",
    }


def test_an_empty_outbox_is_an_empty_page(cast: Cast) -> None:
    assert cast.superadmin.get(OUTBOX) == {"items": [], "next_before": None}


def test_pages_follow_each_other_without_gap_or_repetition(cast: Cast, runtime: Runtime) -> None:
    put(runtime, 1, 2, 3, 4, 5)

    seen, before = [], None
    while True:
        page = cast.superadmin.get(OUTBOX, query_string={"limit": 2} | ({"before": before} if before else {}))
        seen += [message["delivery_id"] for message in page["items"]]
        before = page["next_before"]
        if before is None:
            break

    assert seen == ["d5", "d4", "d3", "d2", "d1"]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"before": -1}, {"before": "x"}, {"cursor": "x"}]
)
def test_a_wrong_query_is_refused(cast: Cast, query: dict[str, Any]) -> None:
    problem = cast.superadmin.get(OUTBOX, 422, query_string=query)

    assert problem["errors"][0]["pointer"] == f"/{next(iter(query))}"


def test_nobody_but_a_superadmin_reads_it(client: FlaskClient, runtime: Runtime) -> None:
    put(runtime, 1)
    grown(runtime, "sub", Role.SUB_SUPERADMIN, modules={"notifications": "write"})
    grown(runtime, "campus", Role.CAMPUS_ADMIN, campus_id="c1")
    grown(runtime, "student", campus_id="c1")

    for username in ("sub", "campus", "student"):
        token = log_in(client, username).get_json()["access_token"]
        assert client.get(OUTBOX, headers=bearer(token)).status_code == 403, username
    assert client.get(OUTBOX).status_code == 401


@pytest.mark.parametrize(
    "change",
    [{"app_env": "production"}, {"brevo_api_key": "k", "sender_email": "a@example.com", "sms_sender": "S"}],
)
def test_where_messages_really_leave_there_is_none(
    cast: Cast, settings: Settings, runtime: Runtime, change: dict[str, Any]
) -> None:
    put(runtime, 1)
    elsewhere: Flask = create_app(settings.model_copy(update=change))
    headers = bearer(cast.superadmin.token)
    try:
        reply = elsewhere.test_client().get(OUTBOX, headers=headers)
        missing = elsewhere.test_client().get("/email_management/nothing", headers=headers)
    finally:
        elsewhere.extensions["versant"].store.db.client.close()

    assert reply.status_code == missing.status_code == 404
