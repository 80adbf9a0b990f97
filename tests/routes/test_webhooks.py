"""/webhooks: what Brevo tells reaches deliveries, counts and watchers; what others tell reaches nothing."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server

from config.settings import Settings
from tests.fakes.brevo_webhooks import event_of
from tests.routes.mailing import PREVIOUS, TOKEN, Mailing, mailing
from tests.waiting import until

EMAIL, SMS = "/webhooks/brevo/email", "/webhooks/brevo/sms"


@pytest.fixture(scope="module")
def post(
    settings: Settings, looking: Any, command_log: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mailing]:
    with mailing(settings, looking, tmp_path_factory.mktemp("mailing")) as running:
        yield running


def sent(post: Mailing, *roll_numbers: str, channels: tuple[str, ...] = ("email", "sms"), **more: Any) -> Any:
    """Have credentials sent to new students, and wait; return the job."""
    job = sending(post, *roll_numbers, channels=channels, **more)
    post.rest()
    return post.cast.north.admin.get(f"/batch_processing/jobs/{job['id']}")


def sending(post: Mailing, *roll_numbers: str, **more: Any) -> Any:
    """Have credentials sent to new students; return the job as it begins."""
    north = post.cast.north
    made = [
        north.admin.post(
            "/student_management/students",
            {
                "name": f"Student {roll}",
                "roll_number": roll,
                "batch_id": north.batch_id,
                "course_ids": [north.course_ids[0]],
                "email": f"{roll.lower()}@example.com",
                "mobile_number": f"+9198{sum(map(ord, roll)):04}{int(roll[-1]):04}",
            },
        )["id"]
        for roll in roll_numbers
    ]
    wanted = {"student_ids": made, **more}
    return north.admin.post("/student_management/students/send_credentials", wanted, status=202)


def counts(post: Mailing, job: Any) -> dict[str, int]:
    found = post.cast.north.admin.get(f"/batch_processing/jobs/{job['id']}")["counts"]
    return {state: count for state, count in found.items() if count}


def recipients(post: Mailing, job: Any) -> list[Any]:
    return list(post.cast.north.admin.get(f"/batch_processing/jobs/{job['id']}/recipients")["items"])


@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Token {TOKEN}",
        "Basic !!!",
        "Basic " + base64.b64encode(TOKEN.encode()).decode(),
        "Basic " + base64.b64encode(b"brevo:").decode(),
        "Bearer \xff\xfe",
    ],
)
def test_a_forged_callback_is_refused_without_a_word_and_changes_nothing(post: Mailing, shown: Any) -> None:
    headers = {"Authorization": shown} if shown is not None else {}

    for url in (EMAIL, SMS):
        for data in ('{"event": "delivered"}', "no json", "[" * 1000):
            reply = post.client.post(url, data=data, content_type="application/json", headers=headers)
            assert reply.status_code == 401
            assert "detail" not in reply.get_json()
    assert post.db["unmatched_events"].count_documents({}) == 0


@pytest.mark.parametrize(
    "shown",
    [
        f"Bearer {TOKEN}",
        f"bearer {PREVIOUS}",
        "Basic " + base64.b64encode(f"brevo:{TOKEN}".encode()).decode(),
        "Basic " + base64.b64encode(f":{PREVIOUS}".encode()).decode(),
    ],
)
def test_both_tokens_count_as_bearer_and_as_password(post: Mailing, shown: str) -> None:
    for url in (EMAIL, SMS):
        assert post.client.post(url, json=[], headers={"Authorization": shown}).status_code == 204


def test_without_a_token_of_ours_nobody_has_one(client: Any) -> None:
    for shown in ("Bearer ", "Bearer", "Basic Og=="):
        assert client.post(EMAIL, json=[], headers={"Authorization": shown}).status_code == 401


def test_callbacks_move_the_messages_of_a_job_and_its_watchers_hear_of_it(post: Mailing) -> None:
    # Given a job that is over as far as we know, and somebody who watches it
    job = sent(post, "WH-1", "WH-2")
    assert counts(post, job) == {"sent": 4}
    effects = post.sent(job["id"])
    watcher = post.runtime.socketio.test_client(post.app, auth={"token": post.cast.north.admin.token})
    watcher.emit("watch", {"job_id": job["id"]}, callback=True)

    # When Brevo tells of each message, one by one and many times over
    for effect in effects:
        ends = {"email": "spam", "sms": "delivered"}
        for name in ("delivered", "request" if effect.channel == "email" else "sent", ends[effect.channel]):
            told = event_of(effect, name)
            for _ in range(3):
                post.tell(effect.channel, told)

    # Then the counts are true, and were pushed
    assert counts(post, job) == {"delivered": 2, "complained": 2}
    heard: list[Any] = []

    def pushed() -> bool:
        heard.extend(e["args"][0] for e in watcher.get_received() if e["name"] == "batch_job:progress")
        return any(one["counts"]["complained"] == one["counts"]["delivered"] == 2 for one in heard)

    until(pushed, "the counts", seen=lambda: heard)
    watcher.disconnect()
    listed = post.cast.north.admin.get("/batch_processing/jobs")["items"]
    assert next(one for one in listed if one["id"] == job["id"])["counts"]["complained"] == 2


def test_a_batch_of_five_hundred_is_taken_at_once_whatever_odd_things_are_in_it(post: Mailing) -> None:
    job = sent(post, "BA-1", channels=("email",))
    [effect] = post.sent(job["id"])
    odd: list[Any] = [
        7,
        None,
        {},
        {"event": ["delivered"]},
        {"event": "list_addition"},
        {"event": "delivered", "message-id": {"$ne": None}, "ts_event": "yesterday", "tags": {"a": 1}},
        {"event": "delivered", "X-Mailin-custom": "no id", "ts_event": 10**18, "ts_epoch": -1},
    ]
    filler = [event_of(effect, "opened", n * 60 + 1.7e9, link="x" * 400) for n in range(493)]

    post.tell(
        "email", [*odd, *filler[:200], event_of(effect, "hard_bounce", reason="550 no a@b.c"), *filler[200:]]
    )

    [shown] = recipients(post, job)
    assert (shown["state"], shown["last_error"]) == ("bounced", "hard bounced: 550 no …")


@pytest.mark.parametrize(
    ("channel", "name", "state"),
    [
        ("email", "request", "sent"),
        ("email", "deferred", "sent"),
        ("email", "delivered", "delivered"),
        ("email", "unique_opened", "delivered"),
        ("email", "click", "delivered"),
        ("email", "unsubscribed", "delivered"),
        ("email", "soft_bounce", "bounced"),
        ("email", "hard_bounce", "bounced"),
        ("email", "invalid_email", "bounced"),
        ("email", "blocked", "bounced"),
        ("email", "error", "bounced"),
        ("email", "spam", "complained"),
        ("sms", "sent", "sent"),
        ("sms", "accepted", "sent"),
        ("sms", "delivered", "delivered"),
        ("sms", "soft_bounce", "bounced"),
        ("sms", "softBounce", "bounced"),
        ("sms", "hardBounce", "bounced"),
        ("sms", "rejected", "bounced"),
        ("sms", "blacklisted", "bounced"),
    ],
)
def test_every_event_of_the_documentation_settles_a_message_of_which_nobody_knew(
    post: Mailing, channel: str, name: str, state: str
) -> None:
    # Given one message whose answer was lost
    row = _unknown(post, channel)

    # When Brevo names it by the id that we gave
    event = (
        {
            "event": name,
            "message-id": f"{row['_id']}@relay",
            "X-Mailin-custom": row["_id"],
            "ts_event": 1_790_000_000,
        }
        if channel == "email"
        else {
            "msg_status": name,
            "messageId": 77,
            "tag": json.dumps([row["_id"]]),
            "ts_epoch": 1_790_000_000_000,
        }
    )
    post.tell(channel, event)

    # Then it is settled, with the provider's id and time
    found = post.db["deliveries"].find_one({"_id": row["_id"]})
    assert found["state"] == state
    assert found["provider_message_id"] == (f"<{row['_id']}@relay>" if channel == "email" else "77")
    assert found["history"][-1]["at"].timestamp() == 1_790_000_000
    post.db["deliveries"].delete_one({"_id": row["_id"]})


def test_callbacks_after_a_cancel_tell_of_what_had_left_and_wake_nothing(post: Mailing) -> None:
    # Given a job that is cancelled when some of it has left
    post.brevo.plan.latency = 0.3
    job = sending(post, *(f"CA-{n}" for n in range(9)), channels=["sms"])
    until(lambda: post.sent(job["id"]))
    post.cast.north.admin.post(f"/batch_processing/jobs/{job['id']}/cancel", status=200)
    post.brevo.plan.latency = 0.0
    post.rest()
    left = post.sent(job["id"])
    assert 0 < len(left) < 9

    # When Brevo tells of it
    for effect in left:
        post.tell("sms", event_of(effect, "delivered"))

    # Then it has arrived, the rest is kept back, and the job stays cancelled
    post.rest()
    assert counts(post, job) == {"delivered": len(left), "skipped": 9 - len(left)}
    assert post.cast.north.admin.get(f"/batch_processing/jobs/{job['id']}")["state"] == "cancelled"
    assert post.sent(job["id"]) == left


def test_an_sms_that_is_to_reach_people_at_least_once_is_sent_once_more(post: Mailing) -> None:
    # Given an SMS that left, but whose answer and callback were lost
    post.brevo.script("500_after")
    job = sending(post, "AL-1", channels=["sms"], policy="at_least_once")
    until(lambda: counts(post, job) == {"unknown": 1})
    waits = {"queue": "sms", "state": "available"}
    until(lambda: post.db["engine_jobs"].count_documents(waits))
    shown = post.cast.north.admin.get(f"/batch_processing/jobs/{job['id']}")
    assert shown["state"] == "running"

    # When the time is over in which Brevo could have told
    past = datetime.now(UTC) - timedelta(hours=2)
    [row] = post.db["deliveries"].find({"job_id": job["id"]})
    post.db["deliveries"].update_one({"_id": row["_id"]}, {"$set": {"first_call_at": past}})
    post.db["engine_jobs"].update_many(waits, {"$set": {"run_at": past}})
    post.rest()

    # Then it was sent once more, and Brevo knows both by the same delivery
    first, second = post.sent(job["id"])
    assert (first.delivery_id, first.text) == (second.delivery_id, second.text)
    assert counts(post, job) == {"sent": 1}
    post.tell("sms", event_of(first, "delivered"))
    post.tell("sms", event_of(second, "delivered"))
    assert counts(post, job) == {"delivered": 1}


@pytest.mark.parametrize(("channel", "name"), [("email", "delivered"), ("sms", "delivered")])
def test_the_fake_calls_back_over_http_ten_times_and_in_any_order(
    post: Mailing, channel: str, name: str
) -> None:
    job = sent(post, f"FAKE-{channel}-1", f"FAKE-{channel}-2", channels=(channel,))
    server = make_server("127.0.0.1", 0, post.app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/webhooks/brevo/{channel}"
        first = "request" if channel == "email" else "sent"
        for batch in (1, 7):
            post.brevo.tell(url, TOKEN, channel, [first, name], times=10 // batch + 1, batch=batch)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert counts(post, job) == {"delivered": 2}


def test_when_the_database_is_away_brevo_is_asked_to_come_again(
    settings: Settings, runtime: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from main import create_app

    away = settings.model_copy(
        update={
            "mongodb_uri": "mongodb://127.0.0.1:9/versant?directConnection=true",
            "mongodb_timeout_ms": 100,
            "webhook_token": TOKEN,
        }
    )
    app = create_app(away)
    try:
        told = {"event": "delivered", "message-id": "<a@b>"}
        headers = {"Authorization": f"Bearer {TOKEN}"}
        reply = app.test_client().post(EMAIL, json=told, headers=headers)
    finally:
        app.extensions["versant"].store.db.client.close()

    assert reply.status_code == 429  # Brevo drops whatever is answered with 503
    assert reply.get_json()["type"] == "/problems/events-not-stored"
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize("body", ["", "{", "7", '"text"', "null"])
def test_what_is_no_event_at_all_is_refused_as_everywhere(post: Mailing, body: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}

    reply = post.client.post(EMAIL, data=body, content_type="application/json", headers=headers)

    assert reply.status_code in (400, 422)


def _unknown(post: Mailing, channel: str) -> Any:
    from services.batch_jobs.documents import Delivery, DeliveryState
    from services.ports import Channel

    now = datetime.now(UTC)
    made = Delivery(
        job_id="0" * 24,
        sub_batch_id="1" * 24,
        campus_id=post.cast.north.id,
        recipient_id="2" * 24,
        channel=Channel(channel),
        number=0,
        name="Asha",
        to="asha@example.com" if channel == "email" else "+919876500000",
        nonce="",
        params={},
        unit="u",
        state=DeliveryState.UNKNOWN,
        created_at=now,
        updated_at=now,
    )
    post.db["deliveries"].insert_one(made.to_mongo())
    return made.to_mongo()
