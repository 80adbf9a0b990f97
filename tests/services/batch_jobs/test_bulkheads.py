"""A provider that hangs costs its own channel's seats, and nothing else: no request, no other channel."""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest

from assembly.work import PROVIDER_SEATS
from main import Runtime, create_app
from tests.cast import Cast, Person
from tests.fakes.brevo_plan import PRESETS
from tests.fakes.brevo_server import API_KEY, BrevoServer
from tests.waiting import pause, until

STUDENTS = 2 * PROVIDER_SEATS
REQUESTS = 40


@pytest.fixture
def brevo() -> Iterator[BrevoServer]:
    """A Brevo that takes every email and never answers; SMS are as ever."""
    with BrevoServer() as server:
        server.plan.decide = lambda body: PRESETS["hang_before"] if "messageVersions" in body else None
        yield server


@pytest.fixture
def sending(cast: Cast, runtime: Runtime, brevo: BrevoServer, at_rest: Any) -> Iterator[Any]:
    """An app that sends through it, one message a sub-batch; the other app's engine rests, North is made."""
    assert cast.north.admin
    at_rest()
    pause(runtime)
    provider = {
        "brevo_api_key": API_KEY,
        "brevo_api_url": brevo.url,
        "brevo_timeout_seconds": 60.0,
        "sender_email": "no-reply@x.test",
        "sms_sender": "ACADEMY",
        "sub_batch_size": 1,
    }
    app = create_app(runtime.settings.model_copy(update=provider))
    behind: Runtime = app.extensions["versant"]
    behind.start()
    yield app
    brevo.stopping.set()  # the hanging calls end, and with them the jobs
    behind.stop()
    behind.store.db.client.close()
    runtime.engine.resume()


def latencies(person: Person) -> list[float]:
    """Return how long each of some requests took."""
    found = []
    for _ in range(REQUESTS):
        began = time.monotonic()
        person.get("/student_management/students?limit=10")
        found.append(time.monotonic() - began)
    return found


def test_an_email_provider_that_hangs_costs_no_request_and_no_sms(
    cast: Cast, sending: Any, brevo: BrevoServer
) -> None:
    # Given more students than a channel has seats, and how fast requests are
    for number in range(STUDENTS):
        cast.north.admin.post(
            "/student_management/students",
            {
                "name": f"Student {number}",
                "roll_number": f"N{number}",
                "batch_id": cast.north.batch_id,
                "course_ids": [cast.north.course_ids[0]],
                "email": f"n{number}@example.com",
                "mobile_number": f"+9198765{number:05}",
            },
        )
    admin, behind = Person(sending, cast.north.admin.username), sending.extensions["versant"]
    before = latencies(admin)

    # When all of them are sent an email that hangs, and an SMS
    audience = {"batch_id": cast.north.batch_id, "channels": ["email", "sms"]}
    job = admin.post("/student_management/students/send_credentials", audience, status=202)
    until(lambda: behind.engine.stats().get("email") == PROVIDER_SEATS)
    until(lambda: len([one for one in brevo.effects() if one.channel == "sms"]) == STUDENTS)

    # Then the SMS arrive, requests are as fast as ever, and no more calls hang than there are seats
    meanwhile = latencies(admin)
    until(lambda: admin.get(f"/batch_processing/jobs/{job['id']}")["counts"]["sent"] == STUDENTS)
    assert statistics.median(meanwhile) < 2 * statistics.median(before) + 0.02
    assert behind.engine.stats()["email"] == PROVIDER_SEATS
    assert len([call for call in brevo.calls if "messageVersions" in call.body]) == PROVIDER_SEATS
    assert behind.processor.waiting("immediate") == 0
