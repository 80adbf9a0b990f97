"""State, pace and balance of the channels, through the front door; what a pause shows, and who ends it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.settings import Settings
from main import Runtime, create_app
from services.ports import Channel
from tests.cast import Cast
from tests.fakes.brevo_server import API_KEY, BrevoServer
from tests.people import bearer

PLACES = {Channel.EMAIL: "/email_management", Channel.SMS: "/sms_management"}


@pytest.fixture
def brevo() -> Iterator[BrevoServer]:
    with BrevoServer() as server:
        yield server


@pytest.fixture
def elsewhere(settings: Settings, brevo: BrevoServer) -> Iterator[FlaskClient]:
    """A server on the same database that sends through Brevo."""
    change = {
        "brevo_api_key": API_KEY,
        "brevo_api_url": brevo.url,
        "sender_email": "office@example.com",
        "sms_sender": "VERSANT",
        "pacing": "interval",
        "daily_sms_quota": 0,
    }
    app: Flask = create_app(settings.model_copy(update=change))
    yield app.test_client()
    app.extensions["versant"].store.db.client.close()


def pause(runtime: Runtime, channel: Channel) -> None:
    channels: Any = runtime.services.channels
    channels._channels.pause(
        channel, "Brevo: 402 not_enough_credits", channels._channels.state(channel).epoch
    )


@pytest.mark.parametrize("channel", PLACES)
def test_the_outbox_says_that_it_counts_and_charges_nothing(cast: Cast, channel: Channel) -> None:
    shown = cast.superadmin.get(f"{PLACES[channel]}/status")

    assert (shown["channel"], shown["provider"], shown["state"]) == (channel, "outbox", "open")
    assert shown["pace"] == {
        "mode": "provider",
        "interval_seconds": None,
        "limits": [],
        "share": 1.0,
        "frozen_seconds": 0.0,
    }
    assert (shown["paused"], shown["breaker"]) == (None, None)
    balance = cast.superadmin.get(f"{PLACES[channel]}/balance")
    assert (balance["usable"], balance["credits"]) == (True, None)
    assert "outbox" in balance["detail"]


def test_with_a_provider_its_limits_its_credits_and_its_breaker_are_shown(
    cast: Cast, elsewhere: FlaskClient, brevo: BrevoServer
) -> None:
    brevo.plan.credits["sms"] = 7.0

    shown: Any = elsewhere.get("/sms_management/status", headers=bearer(cast.superadmin.token)).get_json()

    assert (shown["provider"], shown["breaker"]["state"], shown["daily_quota"]) == ("brevo", "closed", None)
    assert shown["pace"]["limits"] == [{"name": "second", "calls": 150, "seconds": 1.0}]
    assert (shown["pace"]["mode"], shown["pace"]["interval_seconds"]) == ("interval", 180)
    assert (shown["balance"]["credits"], shown["balance"]["plan"]) == (7.0, "sms")


def test_the_provider_is_asked_for_its_balance_once_in_a_while(
    cast: Cast, elsewhere: FlaskClient, brevo: BrevoServer
) -> None:
    headers = bearer(cast.superadmin.token)
    first = elsewhere.get("/email_management/balance", headers=headers).get_json()
    brevo.plan.credits["email"] = 1.0

    again = elsewhere.get("/email_management/balance", headers=headers).get_json()

    assert first == again
    assert first["credits"] == 300.0


def test_a_pause_is_seen_everywhere_and_does_not_make_the_server_unready(
    cast: Cast, runtime: Runtime, elsewhere: FlaskClient, client: FlaskClient
) -> None:
    pause(runtime, Channel.SMS)

    shown: Any = elsewhere.get("/sms_management/status", headers=bearer(cast.superadmin.token)).get_json()
    ready: Any = client.get("/health/ready").get_json()

    assert shown["state"] == "paused"
    assert shown["paused"]["reason"] == "Brevo: 402 not_enough_credits"
    assert shown["paused"]["since"] < shown["paused"]["next_probe_at"]
    [part] = [part for part in ready["parts"] if part["name"] == "sms"]
    assert (part["ok"], part["required"]) == (False, False)
    assert part["detail"] == "paused"
    assert part["extra"]["paused_since"]
    assert "not_enough_credits" not in str(ready)  # whoever runs the platform may read why, and nobody else
    assert ready["ready"]


def test_a_superadmin_resumes_it_once_and_that_is_audited(cast: Cast, runtime: Runtime, db: Any) -> None:
    pause(runtime, Channel.EMAIL)

    shown = cast.superadmin.post("/email_management/channel/resume", status=200)
    problem = cast.superadmin.post("/email_management/channel/resume", status=409)

    assert (shown["state"], shown["paused"]) == ("open", None)
    assert problem["type"] == "/problems/channel-not-paused"
    [row] = db.audit.find({"action": "channel.resumed"})
    assert (row["actor_id"], row["target"]) == (cast.superadmin.id, "channel:email")


def test_the_admin_of_a_campus_neither_sees_nor_resumes_what_all_share(cast: Cast) -> None:
    for method, path in (("get", "status"), ("get", "balance"), ("post", "channel/resume")):
        getattr(cast.north.admin, method)(f"/email_management/{path}", status=403)
