"""Messages that may not leave as they are: told before anything is stored, or before anybody is called."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from services.batch_jobs.documents import Delivery, JobType, Recipient
from services.batch_jobs.service import ParametersMissing
from services.notifications.rendering import BadTemplate
from services.notifications.repository import TemplateRepository
from services.notifications.templates import TemplateSource
from services.notifications.texts import MessageTexts, TextIsOutdated
from services.ports import Channel, Done, Message, SendOutcome, SendUnit
from tests.services.batch_jobs.test_sending import Bench, person

EMAIL: Mapping[Channel, str | None] = {Channel.EMAIL: "p@example.com"}


class Picky:
    """Composes everybody's message but that of the second person, and makes the third one's too large."""

    def compose(self, delivery: Delivery, source: TemplateSource) -> Message:
        if delivery.number == 1:
            raise BadTemplate("'valid_hours' is undefined")
        text = "x" * (30_000 if delivery.number == 2 else 3)
        return Message(delivery.id, delivery.channel, delivery.to or "", delivery.name, "s", text)

    def renew(self, deliveries: Sequence[Delivery]) -> Mapping[str, str]:
        return {}


@pytest.fixture
def bench(runtime: Any) -> Bench:
    made = Bench(runtime)
    made.composers[JobType.CREDENTIALS] = Picky()
    return made


def test_what_may_not_leave_fails_alone_and_the_rest_of_its_unit_goes_out(bench: Bench, looking: Any) -> None:
    bench.job(3, Channel.EMAIL)

    assert bench.run() == Done()

    assert bench.states(looking) == ["sent", "failed", "failed"]
    [call] = bench.email.calls
    assert len(call.messages) == 1
    rows = list(looking["deliveries"].find({"job_id": {"$gt": ""}}).sort("number"))
    assert rows[1]["last_error"] == "its text cannot be filled in: 'valid_hours' is undefined"
    assert rows[2]["last_error"] == "its text takes more than 20 KB"
    assert [row["attempts"] for row in rows] == [1, 0, 0]


def test_what_may_have_left_already_is_not_called_failed(bench: Bench, looking: Any) -> None:
    def power_cut(unit: SendUnit) -> SendOutcome:
        raise SystemExit

    bench.email.answers = [power_cut]
    bench.job(1, Channel.EMAIL)
    with pytest.raises(SystemExit):
        bench.run()
    looking["deliveries"].update_one({"job_id": {"$gt": ""}}, {"$set": {"number": 1}})

    assert bench.run() == Done()

    assert bench.states(looking) == ["unknown"]


def test_a_job_whose_recipients_lack_what_its_text_needs_is_refused_before_anything_is_stored(
    bench: Bench, looking: Any
) -> None:
    def fill() -> None:
        job = bench.service.open(
            JobType.CREDENTIALS, [Channel.EMAIL], campus_id="c1", course_ids=(), actor_id="admin"
        )
        good = Recipient("p1", "Person 1", EMAIL, params={"username": "p1"})
        bench.service.add(job, [good, Recipient("p2", "Person 2", EMAIL, params={"username": ""})])

    with pytest.raises(ParametersMissing) as caught:
        bench.store.atomically(fill)

    assert caught.value.extensions == {"missing": ["username"]}
    assert looking["deliveries"].count_documents({"job_id": {"$gt": ""}}) == 0
    assert looking["batch_jobs"].count_documents({"campus_id": "c1"}) == 0


def test_a_text_that_names_what_nobody_knows_opens_no_job(bench: Bench) -> None:
    old = TemplateSource("VERSANT", "s", "{{ username }} {{ fax_number }}", "")

    with pytest.raises(TextIsOutdated, match="fax_number"):
        bench.service.open(
            JobType.CREDENTIALS,
            [Channel.EMAIL],
            campus_id="c1",
            course_ids=(),
            actor_id="admin",
            sources={Channel.EMAIL: old},
        )


def test_where_dlt_is_required_an_unregistered_sms_fails_before_the_provider_is_called(
    runtime: Any, looking: Any
) -> None:
    # Given a server whose setting says so, and a text that nobody has registered
    bench = Bench(runtime)
    texts = MessageTexts(runtime.renderer, TemplateRepository(bench.store), dlt_required=True)
    source = texts.source("credentials", Channel.SMS, "c1")
    job = bench.service.open(
        JobType.CREDENTIALS,
        [Channel.SMS],
        campus_id="c1",
        course_ids=(),
        actor_id="admin",
        sources={Channel.SMS: source},
    )
    numbers = ("+919000000000", "+14155550123")
    bench.service.add(job, [person(n, {Channel.SMS: to}) for n, to in enumerate(numbers)])
    bench.service.close(job)

    # When it is sent
    assert bench.run() == Done()

    # Then the Indian number is not called, and it is said why
    assert bench.states(looking) == ["failed", "sent"]
    [call] = bench.sms.calls
    assert call.messages[0].to == "+14155550123"
    failed = looking["deliveries"].find_one({"recipient_id": "p0", "channel": "sms"})
    assert failed["last_error"] == "no registered text (DLT) belongs to this template"
