import json
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sib_api_v3_sdk.rest import ApiException
from urllib3.exceptions import SSLError

from integrations.brevo import BrevoEmail, BrevoSms
from integrations.brevo_account import balance_of
from integrations.brevo_answers import retry_after, short_reason
from integrations.brevo_client import Answer, BrevoClient, Silence
from services.ports import Accepted, Ambiguous, Balance, Blocked, Busy, Channel, Message, Refused, SendUnit
from tests.fakes.brevo_plan import Behaviour, rate_limited, refusal
from tests.fakes.brevo_server import API_KEY, BrevoServer
from utils.resilient_services import Breaker

TIMEOUT = 0.3  # where nobody answers
PATIENCE = 30.0  # where somebody does, on a machine that does much else


class StoppedClock:
    """Time that moves only when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def brevo() -> Iterator[BrevoServer]:
    with BrevoServer() as server:
        yield server


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


def email_to(
    url: str, clock: StoppedClock | None = None, key: str = API_KEY, patience: float = PATIENCE
) -> BrevoEmail:
    breaker = Breaker("brevo:email", clock or StoppedClock())
    return BrevoEmail(BrevoClient(key, url, patience), breaker, "no-reply@x.test", "Academy")


def sms_to(url: str, patience: float = PATIENCE) -> BrevoSms:
    return BrevoSms(BrevoClient(API_KEY, url, patience), Breaker("brevo:sms", StoppedClock()), "ACADEMY")


@pytest.fixture
def email(brevo: BrevoServer, clock: StoppedClock) -> BrevoEmail:
    return email_to(brevo.url, clock)


@pytest.fixture
def sms(brevo: BrevoServer) -> BrevoSms:
    return sms_to(brevo.url)


def mail(n: int = 0, **fields: str) -> Message:
    given = {
        "delivery_id": f"d{n}",
        "to": f"p{n}@x.test",
        "name": f"Person {n}",
        "subject": f"Subject {n}",
        "text": f"Text {n}",
        "html": f"<p>Html {n}</p>",
    } | fields
    return Message(channel=Channel.EMAIL, **given)


def mails(*messages: Message, tag: str = "job7") -> SendUnit:
    return SendUnit(str(uuid4()), Channel.EMAIL, messages or (mail(),), tag)


def text(content: str = "Your link", to: str = "+919876543210") -> SendUnit:
    return SendUnit(str(uuid4()), Channel.SMS, (Message("d1", Channel.SMS, to, "Asha", "", content),))


def body_of(brevo: BrevoServer) -> dict[str, Any]:
    (call,) = brevo.calls
    return dict(call.body)


# --- what goes over the wire ------------------------------------------------------------------------------


def test_a_unit_of_mails_is_one_call_with_a_version_for_each_person(
    brevo: BrevoServer, email: BrevoEmail
) -> None:
    unit = mails(mail(1), mail(2))

    outcome = email.send(unit)

    body = body_of(brevo)
    assert body["headers"] == {"idempotencyKey": unit.key}
    assert body["tags"] == ["job7"]
    assert body["sender"] == {"email": "no-reply@x.test", "name": "Academy"}
    assert body["messageVersions"][1] == {
        "to": [{"email": "p2@x.test", "name": "Person 2"}],
        "subject": "Subject 2",
        "textContent": "Text 2",
        "htmlContent": "<p>Html 2</p>",
        "headers": {"X-Mailin-custom": "d2"},
    }
    assert outcome == Accepted(tuple(effect.message_id for effect in brevo.effects()))


def test_the_content_for_everybody_holds_nothing_of_anybody(brevo: BrevoServer, email: BrevoEmail) -> None:
    email.send(mails(mail(1)))

    body = body_of(brevo)
    shared = body["subject"] + body["htmlContent"] + body["textContent"]
    assert "A message from Academy" in shared
    assert not any(part in shared for part in ("Person 1", "Subject 1", "Text 1", "Html 1"))


def test_a_name_in_the_providers_template_language_stays_a_name(
    brevo: BrevoServer, email: BrevoEmail
) -> None:
    # Given a person whose name would be a template
    evil = "{{ contact.EMAIL }}{% for %}{# x #}"
    unit = mails(mail(1, name=evil, subject=f"Hi {evil}", text=f"Hi {evil}", html=f"<p>Hi {evil}</p>"))

    # When the mail is sent
    email.send(unit)

    # Then no template mark is left anywhere in the call, and the html still shows the same text
    raw = str(body_of(brevo))
    assert not any(mark in raw for mark in ("{{", "{%", "{#"))
    (effect,) = brevo.effects()
    assert effect.html == "<p>Hi &#123;{ contact.EMAIL }}&#123;% for %}&#123;# x #}</p>"
    assert effect.text.replace("\u2060", "") == f"Hi {evil}"


def test_what_is_empty_or_too_long_for_the_provider_is_left_out(
    brevo: BrevoServer, email: BrevoEmail
) -> None:
    outcome = email.send(mails(mail(1, name="", html=""), mail(2, name="n" * 200), tag=""))

    body = body_of(brevo)
    assert isinstance(outcome, Accepted)
    assert "tags" not in body
    plain = body["messageVersions"][0]["htmlContent"]
    assert plain == '<div style="white-space:pre-wrap">Text 1</div>'
    assert body["messageVersions"][0]["to"] == [{"email": "p1@x.test"}]
    assert len(body["messageVersions"][1]["to"][0]["name"]) == 70


@pytest.mark.parametrize(("content", "unicode"), [("Your link €", False), ("आपका लिंक", True)])
def test_an_sms_carries_its_delivery_id_and_its_encoding(
    brevo: BrevoServer, sms: BrevoSms, content: str, unicode: bool
) -> None:
    outcome = sms.send(text(content))

    assert body_of(brevo) == {
        "sender": "ACADEMY",
        "recipient": "+919876543210",
        "content": content,
        "type": "transactional",
        "tag": "d1",
        "unicodeEnabled": unicode,
    }
    assert outcome == Accepted((brevo.effects()[0].message_id,))


@pytest.mark.parametrize("sender", ["", "A name too long", "Ac@demy", "1234567890123456"])
def test_an_sms_sender_that_brevo_refuses_is_found_at_start(sender: str) -> None:
    with pytest.raises(ValueError, match="SMS_SENDER"):
        BrevoSms(BrevoClient(API_KEY, "http://127.0.0.1:9", 1), Breaker("b", StoppedClock()), sender)


@pytest.mark.parametrize(("address", "size"), [("", 100), ("a@x.test", 0), ("a@x.test", 1001)])
def test_an_email_sender_without_address_or_with_a_wrong_size_is_found_at_start(
    address: str, size: int
) -> None:
    client = BrevoClient(API_KEY, "http://127.0.0.1:9", 1)
    with pytest.raises(ValueError, match="SENDER_EMAIL"):
        BrevoEmail(client, Breaker("b", StoppedClock()), address, "", size)


# --- what answers mean ------------------------------------------------------------------------------------


def test_a_wrong_key_blocks_the_channel(brevo: BrevoServer) -> None:
    outcome = email_to(brevo.url, key="xkeysib-wrong").send(mails())

    assert outcome == Blocked("Brevo: 401 unauthorized Key not found")


@pytest.mark.parametrize(
    "how",
    [
        refusal(400, "not_enough_credits", "No SMS credits left"),
        refusal(406, "account_under_validation", "Please wait"),
        refusal(400, "invalid_parameter", "Sender is invalid / inactive"),
        refusal(404, "", "no Route matched with those values"),
    ],
)
def test_a_fault_of_the_account_or_the_address_blocks_instead_of_burning_recipients(
    brevo: BrevoServer, email: BrevoEmail, how: Behaviour
) -> None:
    brevo.script(how)

    assert isinstance(email.send(mails()), Blocked)


@pytest.mark.parametrize(
    "how",
    [
        refusal(400, "invalid_parameter", "email is not valid in to"),
        refusal(404, "document_not_found", "Template does not exist"),
        refusal(406, "not_acceptable", "Not acceptable"),
        refusal(413, "", "Too large"),
    ],
)
def test_a_certain_refusal_of_this_unit_says_so_with_the_providers_words(
    brevo: BrevoServer, email: BrevoEmail, how: Behaviour
) -> None:
    brevo.script(how)

    outcome = email.send(mails())

    assert isinstance(outcome, Refused)
    assert how.message in outcome.reason
    assert brevo.effects() == []


def test_one_wrong_address_refuses_the_whole_unit(brevo: BrevoServer, email: BrevoEmail) -> None:
    brevo.plan.rejected = {"p1@x.test"}

    assert email.send(mails(mail(0), mail(1))) == Refused("400 invalid_parameter email is not valid in to")
    assert isinstance(email.send(mails(mail(0))), Accepted)


def test_a_repeated_key_is_success_for_mail_only(
    brevo: BrevoServer, email: BrevoEmail, sms: BrevoSms
) -> None:
    brevo.plan.always = refusal(400, "duplicate_parameter", "used already")

    assert email.send(mails()) == Accepted(())
    assert isinstance(sms.send(text()), Refused)


def test_ids_that_do_not_line_up_are_not_used(brevo: BrevoServer, email: BrevoEmail) -> None:
    brevo.script(Behaviour(status=201, accept=False))

    assert email.send(mails(mail(1), mail(2))) == Accepted(())


@pytest.mark.parametrize(
    ("how", "seconds"),
    [
        (rate_limited(7), 7.0),
        (rate_limited(3, "Retry-After"), 3.0),
        (rate_limited(None), None),
        (rate_limited(10**9), 3600.0),
    ],
)
def test_too_many_requests_says_when_to_come_back(
    brevo: BrevoServer, email: BrevoEmail, how: Behaviour, seconds: float | None
) -> None:
    brevo.script(how)

    assert email.send(mails()) == Busy("Brevo: too many requests", seconds, throttled=True)


def test_a_reset_that_is_no_number_is_as_good_as_none() -> None:
    assert retry_after({"x-sib-ratelimit-reset": "soon", "retry-after": "inf"}) is None
    assert retry_after({"x-sib-ratelimit-reset": "-5", "retry-after": "4"}) == 4
    assert retry_after({"x-sib-ratelimit-reset": "0"}) == 0


def test_a_reason_shows_nothing_of_the_message() -> None:
    secret = mail(1, to="asha@x.test", name="Asha Rao", text="Set it: https://x.test/a#tok3n")
    said = (
        "Asha Rao <asha@x.test> at +91 98765 43210: 'Set it: https://x.test/a#tok3n' see"
        "\nhttps://help.test/1 or AbCdEfGhIjKlMnOpQrStUvWx12 " + "blah " * 100
    )

    reason = short_reason(said, [secret])

    for part in ("Asha", "asha@", "98765", "tok3n", "help.test", "AbCdEf", "\n"):
        assert part not in reason
    assert len(reason) <= 160


# --- what the network does --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how", ["500_before", "500_after", "close_before", "reset_after", "cut", "garbage", "429", "hang_before"]
)
def test_no_post_is_ever_repeated_by_the_libraries(brevo: BrevoServer, how: str) -> None:
    brevo.script(how, how)

    email_to(brevo.url, patience=TIMEOUT).send(mails())
    sms_to(brevo.url, TIMEOUT).send(text())

    assert len(brevo.calls) == 2


def test_a_redirect_is_not_followed(brevo: BrevoServer, email: BrevoEmail) -> None:
    location = {"Location": f"{brevo.url}/smtp/email"}
    brevo.script(Behaviour(status=307, accept=False, headers=location))

    assert isinstance(email.send(mails()), Blocked)
    assert len(brevo.calls) == 1


def test_a_refused_connection_is_certain() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/v3"

        assert email_to(url).send(mails()) == Busy("Brevo: connection refused")


def test_a_name_that_does_not_resolve_is_certain() -> None:
    assert email_to("http://brevo.invalid/v3").send(mails()) == Busy("Brevo: its name cannot be resolved")


def test_a_connection_that_never_opens_is_certain_and_bounded() -> None:
    # Given a server whose queue of connections is full, so that the kernel answers nobody
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())

        # When a unit is sent
        began = time.monotonic()
        outcome = email_to(f"http://127.0.0.1:{server.getsockname()[1]}/v3", patience=TIMEOUT).send(mails())

    # Then nothing can have arrived, and it took one connect timeout
    assert outcome == Busy("Brevo: no connection in time")
    assert time.monotonic() - began < 10  # the kernel's own patience is minutes


def test_an_idle_connection_that_the_server_closed_is_replaced(brevo: BrevoServer, email: BrevoEmail) -> None:
    # Given a kept connection that the server has closed since
    email.send(mails())
    brevo.hang_up()
    time.sleep(0.05)

    # When the next unit is sent
    outcome = email.send(mails())

    # Then it went over a new connection, once
    assert isinstance(outcome, Accepted)
    assert len(brevo.effects()) == 2
    assert len({call.connection for call in brevo.calls}) == 2


def test_connections_are_kept_between_calls(brevo: BrevoServer, email: BrevoEmail) -> None:
    for _ in range(5):
        email.send(mails())

    assert len({call.connection for call in brevo.calls}) == 1


def test_plain_http_where_tls_was_meant_is_not_success(brevo: BrevoServer) -> None:
    outcome = email_to(brevo.url.replace("http:", "https:")).send(mails())

    assert outcome == Ambiguous("Brevo: the TLS connection broke")
    assert brevo.effects() == []


def test_an_untrusted_certificate_is_certain() -> None:
    # Given what the SDK makes of a certificate that fails: an exception without a status
    def call(**_: object) -> None:
        try:
            raise SSLError(ssl.SSLCertVerificationError(1, "self-signed certificate"))
        except SSLError as error:
            raise ApiException(status=0, reason=str(error))  # noqa: B904  as the SDK does

    came = BrevoClient(API_KEY, "https://127.0.0.1:9", 1).call(call)

    assert came == Silence("its certificate is not trusted", certain=True)


def test_the_client_leaves_the_log_handlers_alone() -> None:
    before = [list(logging.getLogger(name).handlers) for name in ("urllib3", "sib_api_v3_sdk")]
    BrevoClient(API_KEY, "http://127.0.0.1:9", 1)

    assert before == [list(logging.getLogger(name).handlers) for name in ("urllib3", "sib_api_v3_sdk")]


# --- the breaker ------------------------------------------------------------------------------------------


def test_five_faults_open_the_breaker_and_then_nothing_is_called(
    brevo: BrevoServer, email: BrevoEmail, clock: StoppedClock
) -> None:
    # Given a provider that fails five times
    brevo.script(*["500_before"] * 5)
    for _ in range(5):
        email.send(mails())

    # When more is to be sent
    clock.seconds += 100
    outcome = email.send(mails())

    # Then it is told to wait, without a call
    assert outcome == Busy("Brevo: waiting after repeated faults", 200.0)
    assert email.ready_in() == 200.0
    assert len(brevo.calls) == 5
    assert email.status()["breaker"]["cause"] == "answered 500"  # type: ignore[call-overload,index]

    # And after the wait, three good probes close it
    clock.seconds += 200
    for _ in range(3):
        assert isinstance(email.send(mails()), Accepted)
    assert email.status()["breaker"]["state"] == "closed"  # type: ignore[call-overload,index]


@pytest.mark.parametrize("how", ["429", "401", "402", "403"])
def test_answers_that_only_say_no_never_open_it(brevo: BrevoServer, email: BrevoEmail, how: str) -> None:
    brevo.script(*[how] * 8)
    for _ in range(8):
        email.send(mails())

    assert isinstance(email.send(mails()), Accepted)


def test_a_good_check_of_the_account_lets_an_open_breaker_probe_at_once(
    brevo: BrevoServer, email: BrevoEmail
) -> None:
    brevo.script(*["500_before"] * 5)
    for _ in range(5):
        email.send(mails())

    health = email.check()

    assert health.ok
    assert isinstance(email.send(mails()), Accepted)


def test_a_bad_check_changes_nothing_and_says_why(brevo: BrevoServer, email: BrevoEmail) -> None:
    brevo.script(*["500_before"] * 5)
    for _ in range(5):
        email.send(mails())
    brevo.plan.always = Behaviour(status=503, accept=False)

    health = email.check()

    assert not health.ok
    assert health.detail == "answered 503"
    assert isinstance(email.send(mails()), Busy)


def test_a_check_without_a_server_says_why() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        health = email_to(f"http://127.0.0.1:{probe.getsockname()[1]}/v3").check()

    assert (health.ok, health.detail) == (False, "connection refused")


# --- what the account still holds -------------------------------------------------------------------------


def test_the_balance_of_each_channel_is_its_own(brevo: BrevoServer, email: BrevoEmail, sms: BrevoSms) -> None:
    brevo.plan.credits = {"email": 12.0, "sms": 0.0}

    assert email.balance() == Balance(True, "credits are left", 12.0, "free")
    assert sms.balance() == Balance(False, "no credits are left", 0.0, "sms")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (Behaviour(status=401, accept=False), "Brevo answered 401"),
        (Behaviour(status=200), "Brevo's answer cannot be read"),
        (Behaviour(ending="hang", seconds=2.0), "Brevo: no answer in time"),
        (Behaviour(ending="close"), "Brevo: the connection was dropped"),
    ],
)
def test_an_account_that_cannot_be_read_is_not_usable_and_says_why(
    brevo: BrevoServer, how: Behaviour, said: str
) -> None:
    brevo.plan.always = how

    balance = email_to(brevo.url, patience=TIMEOUT if how.ending == "hang" else PATIENCE).balance()

    assert (balance.usable, balance.credits, balance.detail) == (False, None, said)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (
            [{"type": "unlimited"}, {"type": "sms", "credits": 0}],
            Balance(True, "no limit", None, "unlimited"),
        ),
        (
            [{"type": "payAsYouGo", "credits": 8.5}, {"type": "subscription", "credits": 2}],
            Balance(True, "credits are left", 10.5, "payAsYouGo, subscription"),
        ),
        ([], Balance(False, "no credits are left", 0.0, "")),
        ("x", Balance(False, "Brevo's answer cannot be read")),
    ],
)
def test_plans_are_read_for_what_they_are(plan: Any, expected: Balance) -> None:
    came = Answer(200, {}, json.dumps({"plan": plan}).encode())

    assert balance_of(came, Channel.EMAIL) == expected


def test_accounts_of_one_provider_are_told_apart_without_their_keys(brevo: BrevoServer) -> None:
    one, other = email_to(brevo.url), email_to(brevo.url, key="another")

    assert one.account != other.account
    assert API_KEY not in one.account
