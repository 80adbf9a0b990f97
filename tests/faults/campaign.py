"""One run: rosters are uploaded side by side, what works on them is killed, then the books are read."""

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from threading import Event, Lock
from typing import Any, Final

from pymongo.errors import PyMongoError

from tests.faults.checker import Complaint, check
from tests.faults.client import PatientClient
from tests.faults.evidence import Evidence, JobSeen, Row, Sent, Upload, Victim
from tests.faults.killer import PAUSE, Killer
from tests.faults.product import Product
from tests.faults.provider import TroubledProvider
from tests.faults.rosters import Roster, RosterMaker

CHANNELS: Final = ("email", "sms")
ENDED: Final = ("applied", "failed")
SIZES: Final = (60, 120, 240, 520)
AT_ONCE: Final = 0.6  # the share of uploads that nobody looks at before they are applied
POLL_SECONDS: Final = 0.1
FINAL_STATES: Final = ("completed", "discarded")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does. ``order`` names who is killed, one after the other; the seed decides the rest."""

    seed: int
    order: Sequence[Victim]
    lanes: int = 2
    sizes: Sequence[int] = SIZES
    pause: tuple[float, float] = PAUSE  # between two strikes
    seconds: float = 100.0  # for one import with its job, kills and all


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run went."""

    plan: Plan
    evidence: Evidence
    complaints: Sequence[Complaint]
    seconds: float
    repeats: int
    starts: int

    def figures(self) -> dict[str, Any]:
        """Return what a report says."""
        sent = Counter(sent.delivery_id for sent in self.evidence.sent)
        states = Counter(row["state"] for row in self.evidence.deliveries)
        return {
            "seed": self.plan.seed,
            "kills": dict(Counter(str(strike.victim) for strike in self.evidence.strikes)),
            "during": dict(Counter(strike.during for strike in self.evidence.strikes)),
            "starts": self.starts,
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
        self._client = PatientClient(product.url)
        self._batch_id = ""
        self._repeats = 0
        killing = Random(plan.seed + 1)
        self._killer = Killer(product, plan.order, killing, self._what_is_going_on, plan.pause)

    def run(self) -> Outcome:
        """Upload, kill, wait for the end, read the books."""
        begun = time.monotonic()
        self._client.log_in(self._product.data_dir / "superadmin.json")
        self._batch_id = make_batch(self._client)
        self._killer.start()
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
            raise failures[0]
        self._product.tend()
        evidence = self._evidence()
        seconds, repeats = time.monotonic() - begun, self._repeats + self._client.repeats
        return Outcome(self._plan, evidence, check(evidence), seconds, repeats, self._product.starts)

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
        if self._provider:
            self._provider.refuse(next(row.email for row in roster.good if row.email))
        shown = self._import(client, roster)
        with self._lock:
            self._done.append((roster, shown["id"]))

    def _import(self, client: PatientClient, roster: Roster) -> Row:
        """Return an import that has been applied and whose job has sent everything."""
        with self._noting("import"):
            shown = self._ended(client, self._begun(client, roster))
        if shown["job_id"]:
            with self._noting("job"):
                self._until(client, f"/batch_processing/jobs/{shown['job_id']}", FINAL_STATES)
        return shown

    def _begun(self, client: PatientClient, roster: Roster) -> Row:
        """Upload to be applied in one go, or look at a preview first and commit it."""
        with self._lock:
            at_once = self._random.random() < AT_ONCE
        shown = upload(client, roster, self._batch_id, dry_run=not at_once)
        if not at_once:
            path = f"/student_management/imports/{shown['id']}"
            if self._until(client, path, (*ENDED, "previewed"))["state"] == "previewed":
                shown = client.make(f"{path}/commit", json={"channels": CHANNELS})
        return shown

    def _ended(self, client: PatientClient, shown: Row) -> Row:
        return self._until(client, f"/student_management/imports/{shown['id']}", ENDED)

    def _until(self, client: PatientClient, path: str, states: Sequence[str]) -> Row:
        give_up = time.monotonic() + self._plan.seconds
        shown: Row = {}
        while time.monotonic() < give_up and not self._failed.is_set():
            shown = client.get(path)
            if shown["state"] in states:
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

    # --- reading the books ---

    def _evidence(self) -> Evidence:
        firsts = [(roster, self._ended(self._client, {"id": shown})) for roster, shown in self._done]
        repeats = [upload(self._client, roster, self._batch_id) for roster, _ in firsts]
        pairs = zip(firsts, repeats, strict=True)
        uploads = [
            Upload(roster, first, self._ended(self._client, again)) for (roster, first), again in pairs
        ]
        db, noted = self._product.db, {"comment": "faults"}
        listed = {job["id"]: job for job in self._client.pages("/batch_processing/jobs")}
        student = {"role": "student"}
        return Evidence(
            channels=CHANNELS,
            uploads=uploads,
            students=list(db["students"].find({}, **noted)),
            users=list(db["users"].find(student, **noted)),
            identifiers=self._identifiers(),
            links=list(db["one_time_links"].find()),
            import_rows=[row for each in uploads for row in self._rows(each.first)],
            deliveries=list(db["deliveries"].find({}, **noted)),
            jobs=[self._job(job) for job in listed.values()],
            sent=self._sent(),
            unfinished=list(db["engine_jobs"].find({"state": {"$ne": "completed"}})),
            leftovers=self._leftovers(),
            workers=self._product.workers_seen(),
            strikes=list(self._killer.strikes),
            repeat_seconds={"email": 540.0, "sms": 0.0},
            ambiguous=self._provider.ambiguous if self._provider else {},
            refused=frozenset(self._provider.brevo.plan.rejected) if self._provider else frozenset(),
        )

    def _identifiers(self) -> list[Row]:
        staff = {
            row["_id"]
            for row in self._product.db["users"].find({"role": {"$ne": "student"}}, comment="faults")
        }
        return [row for row in self._product.db["login_identifiers"].find() if row["user_id"] not in staff]

    def _leftovers(self) -> list[str]:
        db, files = self._product.db, self._product.data_dir / "files" / "imports"
        kept = {path.name for path in files.iterdir()} if files.exists() else set()
        found: list[str] = []
        for row in db["imports"].find({}, comment="faults"):
            if row["_id"] in kept:
                found.append(f"the file of import {row['_id']}, which is {row['state']}")
            other = {"import_id": row["_id"], "run": {"$ne": row["run"]}}
            if rows := db["import_rows"].count_documents(other, comment="faults"):
                found.append(f"{rows} rows of dead readings of import {row['_id']}")
        return found

    def _rows(self, shown: Row) -> list[Row]:
        roster = self._product.db["imports"].find_one({"_id": shown["id"]}, comment="faults")
        assert roster is not None
        rows = self._product.db["import_rows"]
        return list(rows.find({"import_id": shown["id"], "run": roster["run"]}, comment="faults"))

    def _job(self, listed: Row) -> JobSeen:
        path = f"/batch_processing/jobs/{listed['id']}"
        recipients = Counter(row["state"] for row in self._client.pages(f"{path}/recipients"))
        return JobSeen(self._client.get(path), listed, recipients)

    def _sent(self) -> list[Sent]:
        if self._provider:
            return self._provider.sent()
        lines = (self._product.data_dir / "outbox.jsonl").read_text().splitlines()
        messages = [json.loads(line) for line in lines]
        return [Sent(message["delivery_id"], message["channel"], message["to"]) for message in messages]


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


def make_batch(client: PatientClient) -> str:
    """Make a campus with one course and one batch; return the batch."""
    place = {"name": "North Campus", "code": "NORTH", "timezone": "Asia/Kolkata"}
    campus_id = client.make("/campus_management/campuses", json=place)["id"]
    course = {"campus_id": campus_id, "name": "Computer Science", "code": "CSE"}
    course_id = client.make("/course_management/courses", json=course)["id"]
    batch = {"campus_id": campus_id, "name": "North 2026", "course_ids": [course_id]}
    return str(client.make("/batch_management/batches", json=batch)["id"])


def upload(client: PatientClient, roster: Roster, batch_id: str, *, dry_run: bool = False) -> Row:
    """Upload a roster, to be applied in one go or to be looked at first."""
    form = {"batch_id": batch_id, "dry_run": str(dry_run).lower(), "channels": ",".join(CHANNELS)}
    files = {"file": (roster.name, roster.content, "text/csv")}
    shown: Row = client.make("/student_management/imports", data=form, files=files)
    return shown


def tell(outcome: Outcome) -> None:
    """Print the figures of a run and everything that is wrong with it."""
    print(json.dumps(outcome.figures(), indent=1), *outcome.complaints, sep="\n", file=sys.stderr)
