"""When a dependency is pinged, what is kept of it, and from when on nobody waits for it."""

import pytest

from connection_monitor import AWAY_SECONDS, STALE_SECONDS, WELL_SECONDS, ConnectionMonitor, kind
from tests.utils.test_resilient_services import StoppedClock


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
    monitor = ConnectionMonitor(clock)
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
