"""Pausing, resuming and cancelling while two engines send through a provider that keeps a diary."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from config.permissions import Role
from config.settings import Settings
from main import Runtime, create_app
from models import Actor
from services.batch_jobs.documents import BatchJob, JobType, Recipient
from services.batch_jobs.problems import BatchJobStateForbids
from services.migrations import Migrator
from services.ports import Channel
from tests import servers
from tests.fakes.brevo_server import API_KEY, BrevoServer
from tests.faults.workers import linked
from tests.waiting import Pulse, until

PEOPLE = 240
LATENCY = 0.15
PROMISED = 1.0  # seconds after which no new call may begin


def somebody(number: int, nonce: str) -> Recipient:
    name, to = f"p{number}", {Channel.SMS: f"+9190000{number:05}"}
    return Recipient(name, f"Person {number}", to, nonce, {"username": name})


class Site:
    """Two server processes' worth of engines over one database, and the provider that they share."""

    def __init__(
        self, db: Any, brevo: BrevoServer, runtimes: list[Runtime], boss: Actor, pulse: Pulse
    ) -> None:
        self.db, self.brevo, self.runtimes, self.boss, self.pulse = db, brevo, runtimes, boss, pulse
        self.called: list[float] = []

        def note(_: Mapping[str, Any]) -> None:
            self.called.append(self.pulse.now())

        brevo.plan.decide = note
        brevo.plan.latency = LATENCY

    def job(self) -> BatchJob:
        """Open a job of an SMS to each of many people, one call each."""
        service, store = self.runtimes[0].services.batch_jobs, self.runtimes[0].store

        def work() -> BatchJob:
            job = service.open(
                JobType.CREDENTIALS, [Channel.SMS], campus_id="c1", course_ids=(), actor_id=self.boss.id
            )
            nonces = linked(self.runtimes[0], [f"p{number}" for number in range(PEOPLE)])
            service.add(job, [somebody(number, nonce) for number, nonce in enumerate(nonces.values())])
            service.close(job)
            return job

        return store.atomically(work)

    def do(self, number: int, what: str, job: BatchJob) -> float:
        """Have one of the processes do something; return when it had answered."""
        getattr(self.runtimes[number].services.batch_job_control, what)(job.id, self.boss)
        return self.pulse.now()

    def shown(self, job: BatchJob) -> Any:
        return self.runtimes[1].services.batch_jobs.get(job.id, self.boss)

    def calls(self, more: int) -> None:
        """Wait for some more calls."""
        enough = len(self.called) + more
        until(lambda: len(self.called) >= enough, "calls", seen=lambda: len(self.called))

    def check(self, job: BatchJob) -> Counter[str]:
        """Return how many deliveries are in each state; each must be true, and the job must say the same."""
        out = Counter(effect.delivery_id for effect in self.brevo.effects())
        rows = list(self.db.deliveries.find({"job_id": job.id}))
        assert len(rows) == PEOPLE
        assert set(out.values()) <= {1}, "a message left twice"
        assert {row["_id"] for row in rows if row["state"] == "sent"} == set(out)
        counts = self.shown(job).counts.model_dump()
        states = Counter(str(row["state"]) for row in rows)
        assert {state: count for state, count in counts.items() if count} == dict(states)
        assert {row["last_error"] for row in rows if row["state"] == "skipped"} <= {"cancelled"}
        return states


@pytest.fixture
def site(tmp_path: Path, looking: Any) -> Iterator[Site]:
    db = looking.client[f"races_{time.time_ns()}"]
    runtimes: list[Runtime] = []
    with BrevoServer() as brevo, Pulse() as pulse:
        try:
            for number in range(2):
                environment = {
                    "MONGODB_URI": servers.mongo_server().replace("/?", f"/{db.name}?"),
                    "DATA_DIR": str(tmp_path / str(number)),
                    "BCRYPT_ROUNDS": "4",
                    "LOG_LEVEL": "WARNING",
                    "TOKEN_KEY": "k" * 64,
                    "PUBLIC_URL": "http://versant.test",
                    "BREVO_API_KEY": API_KEY,
                    "BREVO_API_URL": brevo.url,
                    "SENDER_EMAIL": "sender@example.com",
                    "SMS_SENDER": "VERSANT",
                    "SUB_BATCH_SIZE": "16",
                }
                app = create_app(Settings.from_env(environment))
                runtimes.append(app.extensions["versant"])
            Migrator(runtimes[0].store.db).run()
            runtimes[0].services.accounts.ensure_superadmin("root", "a quiet river at dawn 7")
            root = db.users.find_one({"username": "root"})
            boss = Actor(root["_id"], Role.SUPERADMIN, "Root", "root", None)
            for runtime in runtimes:
                runtime.start()
            yield Site(db, brevo, runtimes, boss, pulse)
        finally:
            for runtime in runtimes:
                runtime.stop()
                runtime.store.db.client.close()
            looking.client.drop_database(db.name)


def test_no_call_begins_later_than_a_second_after_cancel_returned(site: Site) -> None:
    job = site.job()
    site.calls(40)

    returned = site.do(1, "cancel", job)
    until(lambda: site.shown(job).finished_at, "the end of the job", 120.0)
    site.pulse.wait(PROMISED)

    states = site.check(job)
    assert max(site.called) <= returned + PROMISED
    assert states["skipped"] > 0
    assert states.keys() <= {"sent", "skipped"}
    assert site.shown(job).state == "cancelled"


@pytest.mark.slow
def test_a_paused_job_is_quiet_in_every_process_and_ends_once_resumed(site: Site) -> None:
    job = site.job()
    quiet: list[tuple[float, float]] = []

    for number in range(2):
        site.calls(30)
        returned = site.do(number, "pause", job)
        site.pulse.wait(PROMISED + 0.5)
        quiet.append((returned + PROMISED, site.pulse.now()))
        assert site.shown(job).state == "paused"
        site.do(1 - number, "resume", job)
    until(lambda: site.shown(job).state == "completed", "the end of the job", 120.0)

    assert site.check(job) == {"sent": PEOPLE}
    for begin, end in quiet:
        assert not [at for at in site.called if begin < at < end]


@pytest.mark.slow
def test_people_who_pause_resume_and_cancel_at_once_lose_and_double_nothing(site: Site) -> None:
    job = site.job()
    won: list[tuple[str, float]] = []
    site.calls(10)

    def press(number: int, *buttons: str) -> None:
        for button in buttons:
            with suppress(BatchJobStateForbids):
                won.append((button, site.do(number, button, job)))
            time.sleep(0.05)

    pauses = [("pause", "resume") * 6, ("resume", "pause") * 6, ("pause", "resume") * 6]
    people = [threading.Thread(target=press, args=(n % 2, *some)) for n, some in enumerate(pauses)]
    people += [threading.Thread(target=press, args=(n, "pause", "resume", "cancel")) for n in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    until(lambda: site.shown(job).finished_at, "the end of the job", 120.0)
    site.pulse.wait(PROMISED)

    cancelled = [at for button, at in won if button == "cancel"]
    assert len(cancelled) == 1
    states = site.check(job)
    assert states.keys() <= {"sent", "skipped"}
    assert max(site.called) <= cancelled[0] + PROMISED
    actions = Counter(
        row["action"].removeprefix("batch_job.")
        for row in site.db.audit.find({"campus_id": "c1", "target": f"batch_job:{job.id}"})
    )
    pressed = Counter(button for button, _ in won)
    assert (actions["paused"], actions["resumed"]) == (pressed["pause"], pressed["resume"])
    assert actions["cancelled"] == 1
