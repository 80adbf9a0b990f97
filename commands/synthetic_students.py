"""Students of a rehearsal: each logs in, sits the exam and remembers what the server has acknowledged."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Any, Final

import requests

PASSWORD: Final = "a rehearsal of the exam 12"  # noqa: S105  # of students who are gone when it is over
TIMEOUT: Final = 30.0
PATIENCE_SECONDS: Final = 60.0
LATER: Final = (429, 502, 503)
AT_THE_DOOR: Final = 8  # log in at once: a hall does not come in through one door at one moment


@dataclass(slots=True)
class Step:
    """What became of one kind of request."""

    seconds: list[float] = field(default_factory=list)
    repeated: int = 0
    failed: dict[str, int] = field(default_factory=dict)

    def quantile(self, share: float) -> float:
        """Return how long this share of the requests took at most."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Log:
    """What all students have met with, by step."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.lost: list[str] = []
        self._lock = Lock()

    def took(self, step: str, seconds: float) -> None:
        """Note a request that succeeded."""
        with self._lock:
            self.steps.setdefault(step, Step()).seconds.append(seconds)

    def repeated(self, step: str) -> None:
        """Note a request that has to be sent again."""
        with self._lock:
            self.steps.setdefault(step, Step()).repeated += 1

    def failed(self, step: str, why: str) -> None:
        """Note a request that came to nothing."""
        with self._lock:
            failures = self.steps.setdefault(step, Step()).failed
            failures[why] = failures.get(why, 0) + 1

    def missing(self, what: str) -> None:
        """Note that something acknowledged is not there."""
        with self._lock:
            self.lost.append(what)


class Refused(Exception):
    """The server has refused something for good, or has not answered for too long."""


class SyntheticStudent:
    """One student: asks again where no answer came, as the frontend does."""

    def __init__(self, url: str, username: str, token: str, log: Log) -> None:
        self._url, self.username, self._token, self._log = url, username, token, log
        self._http = requests.Session()
        self._http.trust_env = False
        self._attempt_id, self._slots, self._seq = "", list[dict[str, Any]](), count(1)
        self._acknowledged: dict[str, int] = {}

    def arrive(self) -> None:
        """Set a password and log in."""
        self._ask("activate", "POST", "/auth/activate", {"token": self._token, "new_password": PASSWORD})
        self.log_in()

    def log_in(self) -> None:
        """Log in, or in again."""
        door = {"username": self.username, "password": PASSWORD}
        login = self._ask("login", "POST", "/auth/login", door)
        self._http.headers["Authorization"] = f"Bearer {login['access_token']}"

    def start(self, test_id: str) -> None:
        """Begin the exam."""
        attempt = self._ask("start", "POST", f"/student/tests/{test_id}/attempts")
        self._attempt_id = attempt["id"]
        self._slots = [slot for section in attempt["paper"]["sections"] for slot in section["slots"]]

    def save(self, step: str = "save") -> None:
        """Answer the next question, round and round."""
        seq = next(self._seq)
        slot = self._slots[seq % len(self._slots)]
        options = slot["body"]["options"]
        answer = {
            "slot": slot["slot"],
            "seq": seq,
            "response": {"option": options[seq % len(options)]["id"]},
        }
        path = f"/student/attempts/{self._attempt_id}/answers"
        for ack in self._ask(step, "PUT", path, {"answers": [answer]})["acks"]:
            self._acknowledged[ack["slot"]] = max(ack["seq"], self._acknowledged.get(ack["slot"], 0))

    def check(self) -> None:
        """Compare what was acknowledged with what is stored."""
        attempt = self._ask("check", "GET", f"/student/attempts/{self._attempt_id}")
        saved = {one["slot"]: one["seq"] for one in attempt["saved"]}
        for slot, seq in self._acknowledged.items():
            if saved.get(slot, 0) < seq:
                self._log.missing(f"{self.username}: answer {seq} to slot {slot}")

    def submit(self) -> None:
        """Submit."""
        self._ask("submit", "POST", f"/student/attempts/{self._attempt_id}/submit")

    def _ask(self, step: str, method: str, path: str, body: Any = None) -> Any:
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE_SECONDS:
            try:
                reply = self._http.request(method, self._url + path, json=body, timeout=TIMEOUT)
            except requests.RequestException as error:
                why, pause = type(error).__name__, 0.5
            else:
                if reply.ok:
                    self._log.took(step, time.monotonic() - begun)
                    return reply.json() if reply.content else None
                why, pause = _why(reply), _pause(reply)
                if reply.status_code not in LATER:
                    break
            self._log.repeated(step)
            time.sleep(pause)
        self._log.failed(step, why)
        raise Refused(f"{step}: {why}")


def each(
    students: Iterable[SyntheticStudent], do: Callable[[SyntheticStudent], None], at_once: int
) -> list[SyntheticStudent]:
    """Let every student do something, so many at once; return those who could."""
    waiting = list(students)

    def attempt(student: SyntheticStudent) -> bool:
        try:
            do(student)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(at_once) as pool:
        return [student for student, fine in zip(waiting, pool.map(attempt, waiting), strict=True) if fine]


def paced(students: Sequence[SyntheticStudent], seconds: float, every: float) -> None:
    """Let each save once in ``every`` seconds, one after the other, for so long.

    When a save is due does not depend on how long others took.
    """
    begun = time.monotonic()

    def work(numbered: tuple[int, SyntheticStudent]) -> None:
        number, student = numbered
        due = begun + every * number / len(students)
        while due < begun + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            student.save()
            due += every

    _together(students, work)


def burst(students: Sequence[SyntheticStudent], seconds: float) -> float:
    """Let everybody save as fast as they can; return how many saves a second that were."""
    until, done = time.monotonic() + seconds, count()

    def work(numbered: tuple[int, SyntheticStudent]) -> None:
        while time.monotonic() < until:
            numbered[1].save("burst")
            next(done)

    begun = time.monotonic()
    _together(students, work)
    return next(done) / (time.monotonic() - begun)


def _together(
    students: Sequence[SyntheticStudent], work: Callable[[tuple[int, SyntheticStudent]], None]
) -> None:
    def attempt(numbered: tuple[int, SyntheticStudent]) -> None:
        try:
            work(numbered)
        except Refused:
            return

    with ThreadPoolExecutor(max(1, len(students))) as pool:
        list(pool.map(attempt, enumerate(students)))


def _why(reply: requests.Response) -> str:
    try:
        return f"{reply.status_code} {str(reply.json().get('type', '')).rpartition('/')[2]}".strip()
    except ValueError:
        return str(reply.status_code)


def _pause(reply: requests.Response) -> float:
    try:
        return float(reply.headers.get("Retry-After", "0.5"))
    except ValueError:
        return 0.5
