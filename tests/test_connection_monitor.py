"""When a dependency is pinged, what is kept of it, and from when on nobody waits for it."""

import threading
import time

import pytest

import connection_monitor
from connection_monitor import AWAY_SECONDS, STALE_SECONDS, WELL_SECONDS, ConnectionMonitor, kind
from tests.utils.test_resilient_services import StoppedClock
from utils.async_processor import AsyncProcessor
from utils.clock import SystemClock


class Patient:
    """Something that answers as long as the test lets it."""

    def __init__(self) -> None:
        self.pings, self.error = 0, OSError()
        self.ill = False

    def ping(self) -> None:
        self.pings += 1
        if self.ill:
            raise self.error


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def patient() -> Patient:
    return Patient()


@pytest.fixture
def monitor(clock: StoppedClock, patient: Patient) -> ConnectionMonitor:
    monitor = ConnectionMonitor(clock, AsyncProcessor(1))
    monitor.watch("it", patient.ping, required=True)
    return monitor


def test_what_answers_is_pinged_every_half_minute_and_at_once_when_suspected(
    monitor: ConnectionMonitor, clock: StoppedClock, patient: Patient
) -> None:
    monitor.tick()
    clock.seconds += WELL_SECONDS - 1
    monitor.tick()
    assert patient.pings == 1

    clock.seconds += 1
    monitor.tick()
    assert patient.pings == 2

    monitor.suspect("it")
    monitor.tick()
    monitor.tick()
    assert patient.pings == 3


def test_failures_are_counted_in_a_row_and_in_all(
    monitor: ConnectionMonitor, clock: StoppedClock, patient: Patient
) -> None:
    back: list[str] = []
    monitor.when_back(lambda: back.append("back"))
    patient.ill, patient.error = True, ConnectionRefusedError(111, "Connection refused")
    for _ in range(3):
        monitor.tick()
    (seen,) = monitor.known()
    assert (seen.ok, seen.extra["failures"], seen.extra["last_error"]) == (False, 3, "refused")
    assert seen.extra["changed_at"] == clock.now().isoformat()

    patient.ill = False
    monitor.tick()

    (seen,) = monitor.known()
    assert (seen.ok, seen.extra["failures"], seen.extra["failures_total"]) == (True, 0, 3)
    assert back == ["back"]


def test_it_is_away_after_two_seconds_of_failure_and_only_while_that_is_news(
    monitor: ConnectionMonitor, clock: StoppedClock, patient: Patient
) -> None:
    patient.ill = True
    monitor.tick()
    assert not monitor.away("it")

    clock.seconds += AWAY_SECONDS
    monitor.tick()
    assert monitor.away("it")

    clock.seconds += STALE_SECONDS
    assert not monitor.away("it")

    patient.ill = False
    monitor.tick()
    assert not monitor.away("it")


def test_health_is_not_older_than_two_seconds(
    monitor: ConnectionMonitor, clock: StoppedClock, patient: Patient
) -> None:
    monitor.health()
    monitor.health()
    assert patient.pings == 1

    clock.seconds += 2
    monitor.health()
    assert patient.pings == 2


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (TimeoutError("10.1.2.3:27017: timed out"), "timeout"),
        (ConnectionResetError("reset by 10.1.2.3"), "closed"),
        (PermissionError("Authentication failed for user versant"), "login"),
        (RuntimeError("mongodb://user:secret@host"), "fault"),
    ],
)
def test_what_went_wrong_is_told_in_one_word(error: Exception, word: str) -> None:
    assert kind(error) == word


def test_readiness_takes_the_time_of_the_slowest_and_never_longer_than_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given three that answer as soon as all three were asked, and one that does not
    gate, monitor = threading.Event(), ConnectionMonitor(SystemClock(), AsyncProcessor(1))
    asked, together = list[int](), threading.Event()

    def ping() -> None:
        asked.append(1)
        if len(asked) == 3:
            together.set()
        assert together.wait(60)

    monkeypatch.setattr(connection_monitor, "LOOK_SECONDS", 60)
    for name in ("mongodb", "redis", "files"):
        monitor.watch(name, ping, required=True)
    assert all(one.ok for one in monitor.health())

    # When one hangs, and the others have to be asked again
    monitor.watch("hangs", lambda: gate.wait(60), required=False)
    monkeypatch.setattr(connection_monitor, "LOOK_SECONDS", 0.2)
    began = time.monotonic()
    known = monitor.health()

    # Then it is told what was last known
    assert time.monotonic() - began < 30
    assert [one.name for one in known] == ["mongodb", "redis", "files", "hangs"]
    gate.set()
