"""What every MessageSender promises, run over the outbox and over Brevo's SDK on a real HTTP server."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from config.database import mongo_client
from integrations.brevo import BrevoEmail, BrevoSms
from integrations.brevo_client import BrevoClient
from integrations.outbox import LocalOutbox, OutboxSender
from integrations.socketio_feed import SocketIOFeed
from main import Runtime
from services.notifications.inbox import InboxSender, inbox_address
from services.notifications.inbox_repository import InboxRepository
from services.ports import (
    Accepted,
    Ambiguous,
    Blocked,
    Busy,
    Channel,
    Message,
    MessageSender,
    Refused,
    SendOutcome,
    SendUnit,
)
from tests.fakes.brevo_server import API_KEY, BrevoServer
from utils.clock import SystemClock
from utils.resilient_services import Breaker
from utils.store import PLATFORM, Store

TIMEOUT = 0.5  # where nobody answers
PATIENCE = 30.0  # where somebody does, on a machine that does much else
CANARY = "canary-5f2d9a1b7c"


class Rig(ABC):
    """One sender, and a way to see what it did and to make it fail."""

    sender: MessageSender
    failures: tuple[tuple[str, type[SendOutcome]], ...] = ()

    @abstractmethod
    def landed(self) -> list[tuple[str, str, str]]:
        """Return (delivery id, address, text) of every message that a person would have."""

    @abstractmethod
    def fail_next(self, how: str) -> None:
        """Make the next send fail."""


class OutboxRig(Rig):
    failures = (("full disk", Busy),)

    def __init__(self, folder: Path, channel: Channel) -> None:
        self.outbox, self.path = LocalOutbox(folder / "outbox.jsonl"), folder / "outbox.jsonl"
        self.sender = OutboxSender(self.outbox, channel)

    def landed(self) -> list[tuple[str, str, str]]:
        found = self.outbox.read(1000, None)[0]
        return [(str(one["delivery_id"]), str(one["to"]), str(one["text"])) for one in reversed(found)]

    def fail_next(self, how: str) -> None:
        self.path.unlink()
        self.path.symlink_to("/dev/full")


class BrevoRig(Rig):
    def __init__(self, brevo: BrevoServer, channel: Channel) -> None:
        self.brevo = brevo
        self.client = client = BrevoClient(API_KEY, brevo.url, PATIENCE)
        breaker = Breaker("brevo", SystemClock())
        self.sender = (
            BrevoEmail(client, breaker, "no-reply@x.test", "Academy")
            if channel is Channel.EMAIL
            else BrevoSms(client, breaker, "ACADEMY")
        )

    failures = (
        ("429", Busy),
        ("401", Blocked),
        ("402", Blocked),
        ("403", Blocked),
        ("500_before", Ambiguous),
        ("500_after", Ambiguous),
        ("hang_before", Ambiguous),
        ("hang_after", Ambiguous),
        ("close_before", Ambiguous),
        ("close_after", Ambiguous),
        ("reset_before", Ambiguous),
        ("reset_after", Ambiguous),
        ("cut", Ambiguous),
        ("garbage", Ambiguous),
        ("rejected", Refused),
    )

    def landed(self) -> list[tuple[str, str, str]]:
        return [(effect.delivery_id, effect.to, effect.text) for effect in self.brevo.effects()]

    def fail_next(self, how: str) -> None:
        if how == "rejected":
            self.brevo.plan.rejected = {address(self.sender.channel, 0)}
        else:
            self.brevo.script(how)
            self.client._seconds = TIMEOUT if "hang" in how else PATIENCE


class Unsteady:
    """Sends through ``away`` when it was told to, once, and else through ``well``."""

    def __init__(self, well: MessageSender, away: MessageSender) -> None:
        self.well, self.away, self.next = well, away, well

    def send(self, unit: SendUnit) -> SendOutcome:
        sender, self.next = self.next, self.well
        return sender.send(unit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.well, name)


class InboxRig(Rig):
    failures = (("database away", Ambiguous),)

    def __init__(self, runtime: Runtime) -> None:
        self._stored = runtime.store.system("notifications")
        nowhere = {
            "mongodb_uri": "mongodb://127.0.0.1:9/nowhere?directConnection=true",
            "mongodb_timeout_ms": 100,
        }
        self.client = mongo_client(runtime.settings.model_copy(update=nowhere))
        inbox, feed = InboxRepository(Store(self.client)), SocketIOFeed(runtime.socketio)
        away = InboxSender(inbox, feed, SystemClock())
        self.unsteady = Unsteady(runtime.senders[Channel.INBOX], away)
        self.sender = self.unsteady

    def landed(self) -> list[tuple[str, str, str]]:
        rows = self._stored.find(PLATFORM, {}, sort=[("$natural", 1)])
        return [(row["_id"], inbox_address(row["user_id"], row["campus_id"]), row["text"]) for row in rows]

    def fail_next(self, how: str) -> None:
        self.unsteady.next = self.unsteady.away


def rigs() -> dict[str, tuple[type[Rig], Channel]]:
    return {
        "outbox-email": (OutboxRig, Channel.EMAIL),
        "outbox-sms": (OutboxRig, Channel.SMS),
        "brevo-email": (BrevoRig, Channel.EMAIL),
        "brevo-sms": (BrevoRig, Channel.SMS),
        "inbox": (InboxRig, Channel.INBOX),
    }


def build(name: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Rig]:
    kind, channel = rigs()[name]
    if kind is InboxRig:
        rig = InboxRig(request.getfixturevalue("runtime"))
        yield rig
        rig.client.close()
        return
    if kind is OutboxRig:
        yield OutboxRig(folder, channel)
        return
    with BrevoServer() as brevo:
        yield BrevoRig(brevo, channel)


@pytest.fixture(params=rigs())
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    yield from build(request.param, tmp_path, request)


FAILURES = [(name, how, kind) for name, (rig, _) in rigs().items() for how, kind in rig.failures]
REPEATABLE = [name for name in rigs() if name != "brevo-sms"]
AMBIGUOUS = [case for case in FAILURES if case[0] in REPEATABLE and case[2] is Ambiguous]


def label(case: object) -> str:
    return "-".join(map(str, case[:2])) if isinstance(case, tuple) else str(case)


@pytest.fixture
def failing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Rig, str, type[SendOutcome]]]:
    name, how, kind = request.param
    for rig in build(name, tmp_path, request):
        yield rig, how, kind


def address(channel: Channel, n: int) -> str:
    addresses = {
        Channel.EMAIL: f"person{n}@x.test",
        Channel.SMS: f"+9198765{n:05}",
        Channel.INBOX: inbox_address(f"person{n}", "c1"),
    }
    return addresses[channel]


def unit_for(rig: Rig, size: int = 3) -> SendUnit:
    channel = rig.sender.channel
    messages = tuple(
        Message(
            uuid4().hex[:24],
            channel,
            address(channel, n),
            f"Person {n}",
            "Welcome" if channel is Channel.EMAIL else "",
            f"Your link {n}: https://x.test/activate#{CANARY}",
            f"<p>Your link {n}: {CANARY}</p>" if channel is Channel.EMAIL else "",
        )
        for n in range(min(size, rig.sender.unit_size))
    )
    return SendUnit(str(uuid4()), channel, messages, "job1")


def expected(unit: SendUnit) -> list[tuple[str, str, str]]:
    return [(message.delivery_id, message.to, message.text) for message in unit.messages]


def test_what_is_accepted_reaches_each_person_with_their_own_text(rig: Rig) -> None:
    unit = unit_for(rig)

    outcome = rig.sender.send(unit)

    assert isinstance(outcome, Accepted)
    assert len(outcome.ids) == len(set(outcome.ids)) == len(unit.messages)
    assert rig.landed() == expected(unit)


def test_a_unit_of_the_largest_size_goes_in_one_piece(rig: Rig) -> None:
    unit = unit_for(rig, size=rig.sender.unit_size)

    assert isinstance(rig.sender.send(unit), Accepted)
    assert len(rig.landed()) == rig.sender.unit_size


@pytest.mark.parametrize("rig", REPEATABLE, indirect=True)
def test_a_repeated_unit_has_no_second_effect_where_the_sender_says_so(rig: Rig) -> None:
    # Given a sender that may repeat, and a unit that it sent
    assert rig.sender.repeat_seconds > 0
    unit = unit_for(rig)
    rig.sender.send(unit)

    # When the same unit is sent again
    outcome = rig.sender.send(unit)

    # Then that is fine, and nobody got it twice
    assert isinstance(outcome, Accepted)
    assert rig.landed() == expected(unit)


@pytest.mark.parametrize("failing", FAILURES, indirect=True, ids=label)
def test_every_failure_is_told_as_what_it_is_within_the_time_limit(
    failing: tuple[Rig, str, type[SendOutcome]],
) -> None:
    # Given a sender that works, and is about to fail
    rig, how, kind = failing
    rig.sender.send(unit_for(rig))
    before = rig.landed()
    rig.fail_next(how)

    # When it sends
    unit = unit_for(rig)
    began = time.monotonic()
    outcome = rig.sender.send(unit)

    # Then it says what kind of failure that was, soon, and certain failures sent nothing
    assert isinstance(outcome, kind), outcome
    assert time.monotonic() - began < PATIENCE / 2
    if not isinstance(outcome, Ambiguous) and not how.startswith("full"):
        assert rig.landed() == before

    # And the reason is short and holds nothing of the messages
    assert 0 < len(outcome.reason) < 200  # type: ignore[union-attr]
    assert not leaks(outcome.reason, unit)  # type: ignore[union-attr]


@pytest.mark.parametrize("failing", AMBIGUOUS, indirect=True, ids=label)
def test_after_an_ambiguous_failure_a_repeat_settles_it_where_the_sender_says_so(
    failing: tuple[Rig, str, type[SendOutcome]],
) -> None:
    # Given a unit that may or may not have been taken
    rig, how, _ = failing
    rig.fail_next(how)
    unit = unit_for(rig)
    rig.sender.send(unit)

    # When the same unit is repeated
    outcome = rig.sender.send(unit)

    # Then everybody has it, exactly once
    assert isinstance(outcome, Accepted)
    assert rig.landed() == expected(unit)


@pytest.mark.parametrize("failing", FAILURES, indirect=True, ids=label)
def test_nothing_private_is_logged(
    failing: tuple[Rig, str, type[SendOutcome]], caplog: pytest.LogCaptureFixture
) -> None:
    # Given a server that logs everything
    rig, how, _ = failing
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "sib_api_v3_sdk", "filelock"):
        caplog.set_level(logging.DEBUG, logger=name)

    # When a unit is sent, and one fails
    first, second = unit_for(rig), unit_for(rig)
    rig.sender.send(first)
    rig.fail_next(how)
    rig.sender.send(second)

    # Then no address, no text and no key is in the log
    assert not leaks(caplog.text, first) and not leaks(caplog.text, second)


def test_its_state_can_be_shown(rig: Rig) -> None:
    status = rig.sender.status()

    assert status["provider"] in ("outbox", "brevo", "inbox")
    assert status["channel"] == rig.sender.channel.value
    assert API_KEY not in str(status)


def leaks(text: str, unit: SendUnit) -> list[str]:
    private = [API_KEY, CANARY]
    for message in unit.messages:
        private += [message.to, message.text, message.name]
    return [one for one in private if one in text]
