from collections import Counter
from typing import Any

import pytest

from config.permissions import Role
from main import ROOT, Runtime
from services.accounts.access_repository import LinkRepository
from services.accounts.documents import LinkPurpose
from services.accounts.forgotten import FORGOTTEN_JOB, ForgottenPasswords
from services.accounts.links import OneTimeLinks
from services.accounts.messages import CredentialComposer
from services.accounts.repository import UserRepository
from services.batch_jobs.documents import DELIVERIES, Delivery
from services.notifications.rendering import Renderer
from services.ports import Channel, Done, Lease
from tests.people import grown, invited
from utils.clock import SystemClock


@pytest.fixture
def renderer(runtime: Runtime) -> Renderer:
    return Renderer(ROOT / "templates", runtime.settings.product_name)


@pytest.fixture
def composer(runtime: Runtime, renderer: Renderer) -> CredentialComposer:
    settings = runtime.settings
    stored, users = LinkRepository(runtime.store), UserRepository(runtime.store)
    links = OneTimeLinks(stored, users, settings.token_key, settings.link_base, SystemClock())
    return CredentialComposer(links, renderer)


def lease(job_id: str, username: str) -> Lease:
    return Lease(job_id, 1, {"username": username}, 1, lambda: True)


def test_a_reset_that_is_run_twice_is_sent_once(runtime: Runtime, outbox: Any, at_rest: Any) -> None:
    grown(runtime, "r1", email="r1@example.com")
    forgotten: ForgottenPasswords = runtime.services.forgotten

    assert forgotten.run(lease("j1", "r1")) == Done()
    assert forgotten.run(lease("j1", "r1")) == Done()
    at_rest()

    assert len(outbox()) == 1
    forgotten.dead({"username": "r1"}, "why")


def test_what_one_person_is_sent_is_counted_whichever_name_was_typed(runtime: Runtime, db: Any) -> None:
    boss = grown(runtime, "boss", Role.SUPERADMIN, email="boss@example.com")
    other = grown(runtime, "other", Role.SUPERADMIN, email="other@example.com")
    for number, name in enumerate(["boss", "boss@example.com", "BOSS", "boss", "boss@example.com", "other"]):
        runtime.services.forgotten.run(lease(f"j{number}", name))

    rows = db[DELIVERIES].find({"recipient_id": {"$in": [boss.id, other.id]}})

    assert Counter(row["recipient_id"] for row in rows) == {boss.id: 3, other.id: 1}


@pytest.mark.parametrize("username", ["nobody", "unreachable", "!"])
def test_who_cannot_be_reached_is_sent_nothing(runtime: Runtime, db: Any, username: str) -> None:
    grown(runtime, "unreachable")

    runtime.services.forgotten.run(lease("j1", username))

    assert db[DELIVERIES].count_documents({"job_id": {"$gt": ""}}) == 0


def test_a_request_is_stored_alike_for_everybody(runtime: Runtime, db: Any) -> None:
    grown(runtime, "r1", email="r1@example.com")

    for number, name in enumerate(("r1", "nobody")):
        runtime.services.forgotten.request(name, f"10.0.0.{number}")

    rows = list(db.engine_jobs.find({"queue": "messages", "name": FORGOTTEN_JOB}))
    assert sorted(row["args"]["username"] for row in rows) == ["nobody", "r1"]


def test_a_message_is_the_same_bytes_every_time_and_on_every_channel_the_same_link(
    runtime: Runtime, composer: CredentialComposer, renderer: Renderer, db: Any, outbox: Any, at_rest: Any
) -> None:
    user = invited(
        runtime, "r1", Role.STUDENT, email="r1@example.com", mobile_number="+919876543210", name="Asha <b>"
    )
    runtime.services.forgotten.run(lease("j1", "r1"))
    at_rest()
    deliveries = [Delivery.from_mongo(row) for row in db[DELIVERIES].find({"recipient_id": user.id})]

    made = [
        [composer.compose(one, renderer.source("reset_password", one.channel)) for one in deliveries]
        for _ in range(2)
    ]

    assert made[0] == made[1]
    sent = {message["channel"]: message["text"] for message in outbox()}
    assert sent == {str(message.channel): message.text for message in made[0]}
    links = {word for text in sent.values() for word in text.split() if "/reset?token=" in word}
    assert len(links) == 1
    [email] = [message for message in made[0] if message.channel is Channel.EMAIL]
    assert "<b>" not in email.html
    assert links.pop() in email.html


def test_a_delivery_without_a_purpose_activates(
    composer: CredentialComposer, renderer: Renderer, runtime: Runtime, db: Any
) -> None:
    now = SystemClock().now()
    delivery = Delivery(
        job_id="j",
        sub_batch_id="s",
        campus_id="c",
        recipient_id="u1",
        channel=Channel.SMS,
        number=0,
        name="Asha",
        to="+919876543210",
        nonce="n",
        params={"username": "21/CS/045"},
        unit="u",
        state="pending",
        created_at=now,
        updated_at=now,
    )

    message = composer.compose(delivery, renderer.source("credentials", Channel.SMS))

    assert "/activate?token=" in message.text
    assert "21/CS/045" in message.text
    assert "72" in message.text
    assert LinkPurpose("activate") is LinkPurpose.ACTIVATE
