"""One run: rosters are uploaded side by side, what works on them is killed, then the books are read."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from threading import Event, Lock
from typing import Any, Final

from pymongo.errors import PyMongoError

from tests.faults.books import Books
from tests.faults.checker import Complaint, check
from tests.faults.client import PatientClient
from tests.faults.evidence import Evidence, Row, Upload, Victim
from tests.faults.killer import PAUSE, Killer
from tests.faults.meddler import Meddler
from tests.faults.postman import Postman
from tests.faults.product import Product
from tests.faults.provider import TroubledProvider
from tests.faults.rosters import Roster, RosterMaker
from tests.faults.uploads import CHANNELS, make_batch, upload

ENDED: Final = ("applied", "failed")
SIZES: Final = (60, 120, 240, 520)
AT_ONCE: Final = 0.6  # the share of uploads that nobody looks at before they are applied
POLL_SECONDS: Final = 0.1
FORGIVEN: Final = 0.5  # the share of refused addresses that are good in the end, and tried again


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does. ``order`` names who is killed, one after the other; the seed decides the rest."""

    seed: int
    order: Sequence[Victim]
    lanes: int = 2
    sizes: Sequence[int] = SIZES
    pause: tuple[float, float] = PAUSE  # between two strikes
    seconds: float = 240.0  # for one import with its job, kills and all
    meddled: float = 0.9  # the share of jobs that are paused and resumed
    cancelled: float = 0.25  # of those, that are cancelled in the end


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run went."""

    plan: Plan
    evidence: Evidence
    complaints: Sequence[Complaint]
    seconds: float
    repeats: int
    starts: int
    did: Mapping[str, int]

    def figures(self) -> dict[str, Any]:
        """Return what a report says."""
        sent = Counter(sent.delivery_id for sent in self.evidence.sent)
        states = Counter(row["state"] for row in self.evidence.deliveries)
        return {
            "seed": self.plan.seed,
            "kills": dict(Counter(str(strike.victim) for strike in self.evidence.strikes)),
            "during": dict(Counter(strike.during for strike in self.evidence.strikes)),
            "starts": self.starts,
            "done_to_jobs": dict(self.did),
            "told": dict(Counter(self.evidence.told.values())),
            "imports": len(self.evidence.uploads),
            "students": len(self.evidence.students),
            "deliveries": dict(states),
            "messages": len(self.evidence.sent),
            "duplicates": sum(count - 1 for count in sent.values()),
            "unknown": self._why("unknown"),
            "failed": self._why("failed"),
            "requests_repeated": self.repeats,
            "seconds": round(self.seconds, 1),
            "complaints": len(self.complaints),
        }

    def _why(self, state: str) -> dict[str, int]:
        return dict(Counter(row["last_error"] for row in self.evidence.deliveries if row["state"] == state))


class Campaign:
    """Carries a plan out on a product."""

    def __init__(self, product: Product, plan: Plan, provider: TroubledProvider | None = None) -> None:
        self._product, self._plan, self._provider = product, plan, provider
        self._random = Random(plan.seed)
        self._rosters = RosterMaker(plan.seed)
        self._lock, self._failed = Lock(), Event()
        self._failures: list[BaseException] = []
        self._doing: Counter[str] = Counter()
        self._done: list[tuple[Roster, str]] = []
        self._client = PatientClient(product.url, plan.seconds)
        self._batch_id = ""
        self._repeats = 0
        self._meddler = Meddler(plan.seed, plan.meddled, plan.cancelled)
        self._postman = Postman(provider.brevo, product.url, plan.seed) if provider else None
        killing = Random(plan.seed + 1)
        self._killer = Killer(product, plan.order, killing, self._what_is_going_on, plan.pause)

    def run(self) -> Outcome:
        """Upload, kill, wait for the end, read the books."""
        begun = time.monotonic()
        self._client.log_in(self._product.data_dir / "superadmin.json")
        self._batch_id = make_batch(self._client)
        self._killer.start()
        if self._postman:
            self._postman.start()
        try:
            with ThreadPoolExecutor(self._plan.lanes) as lanes:
                working = [lanes.submit(self._lane, self._client.alike()) for _ in range(self._plan.lanes)]
                while not all(lane.done() for lane in working):
                    self._product.tend()
                    self._product.hurry()
                    time.sleep(POLL_SECONDS)
        finally:
            self._killer.stop()
        if failures := [*self._failures, *filter(None, [self._killer.failure])]:
            print(self._product.words(), *self._killer.strikes[-5:], sep="\n", file=sys.stderr)
            raise failures[0]
        self._product.tend()
        if self._postman:
            self._postman.finish()
        told = self._postman.told if self._postman else {}
        books = Books(self._product, self._client, self._provider)
        evidence = books.read(self._uploads(), self._meddler, self._killer, told)
        seconds, repeats = time.monotonic() - begun, self._repeats + self._client.repeats
        did = self._meddler.did
        return Outcome(self._plan, evidence, check(evidence), seconds, repeats, self._product.starts, did)

    def _uploads(self) -> list[Upload]:
        """Upload every roster once more."""
        firsts = [(roster, self._ended(self._client, {"id": shown})) for roster, shown in self._done]
        repeats = [upload(self._client, roster, self._batch_id) for roster, _ in firsts]
        pairs = zip(firsts, repeats, strict=True)
        return [Upload(roster, first, self._ended(self._client, again)) for (roster, first), again in pairs]

    def _what_is_going_on(self) -> str:
        with self._lock:
            return " and ".join(sorted(what for what, count in self._doing.items() if count))

    def _lane(self, client: PatientClient) -> None:
        """Upload roster after roster until nobody is left to be killed."""
        try:
            while not self._failed.is_set():
                self._one_roster(client)
                if not self._killer.is_alive():
                    return
        except BaseException as error:
            self._failures.append(error)
            self._failed.set()
        finally:
            self._repeats += client.repeats

    def _one_roster(self, client: PatientClient) -> None:
        with self._lock:
            roster = self._rosters.make(self._random.choice(self._plan.sizes))
            forgiven = self._random.random() < FORGIVEN
        refused = next(row.email for row in roster.good if row.email)
        if self._provider:
            self._provider.refuse(refused)
        shown = self._import(client, roster)
        if self._provider and forgiven:
            self._provider.forgive(refused)
            self._retried(client, shown["job_id"])
        with self._lock:
            self._done.append((roster, shown["id"]))

    def _import(self, client: PatientClient, roster: Roster) -> Row:
        """Return an import that has been applied and whose job has sent everything."""
        with self._noting("import"):
            shown = self._begun(client, roster)
            path = f"/student_management/imports/{shown['id']}"
            shown = self._until(client, path, lambda now: now["job_id"] or now["state"] in ENDED)
            if shown["job_id"]:
                self._meddler.meddle(client, shown["job_id"])
            shown = self._ended(client, shown)
        if shown["job_id"]:
            with self._noting("job"):
                self._finished(client, shown["job_id"])
        return shown

    def _retried(self, client: PatientClient, job_id: str) -> None:
        """Put back what has failed, until nothing has."""
        with self._noting("job"):
            while self._meddler.retry(client, job_id):
                self._finished(client, job_id)

    def _finished(self, client: PatientClient, job_id: str) -> None:
        self._until(client, f"/batch_processing/jobs/{job_id}", lambda job: job["finished_at"] is not None)

    def _begun(self, client: PatientClient, roster: Roster) -> Row:
        """Upload to be applied in one go, or look at a preview first and commit it."""
        with self._lock:
            at_once = self._random.random() < AT_ONCE
        shown = upload(client, roster, self._batch_id, dry_run=not at_once)
        if not at_once:
            path = f"/student_management/imports/{shown['id']}"
            read = self._until(client, path, lambda now: now["state"] in (*ENDED, "previewed"))
            if read["state"] == "previewed":
                shown = client.make(f"{path}/commit", json={"channels": CHANNELS})
        return shown

    def _ended(self, client: PatientClient, shown: Row) -> Row:
        path = f"/student_management/imports/{shown['id']}"
        return self._until(client, path, lambda now: now["state"] in ENDED)

    def _until(self, client: PatientClient, path: str, true: Callable[[Row], Any]) -> Row:
        give_up = time.monotonic() + self._plan.seconds
        shown: Row = {}
        while time.monotonic() < give_up and not self._failed.is_set():
            shown = client.get(path)
            if true(shown):
                return shown
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{path} does not come to an end: {shown}\n{self._open_work()}")

    def _open_work(self) -> str:
        with suppress(PyMongoError):
            jobs = self._product.db["engine_jobs"].find({"state": {"$in": ["available", "running"]}})
            return "\n".join(str(job) for job in jobs)
        return "the database does not answer"

    def _noting(self, what: str) -> "_Noted":
        return _Noted(self._lock, self._doing, what)


class _Noted:
    """Counts what goes on while the block runs."""

    def __init__(self, lock: Lock, doing: Counter[str], what: str) -> None:
        self._lock, self._doing, self._what = lock, doing, what

    def __enter__(self) -> None:
        with self._lock:
            self._doing[self._what] += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._doing[self._what] -= 1


def tell(outcome: Outcome) -> None:
    """Print the figures of a run and everything that is wrong with it."""
    print(json.dumps(outcome.figures(), indent=1), *outcome.complaints, sep="\n", file=sys.stderr)
