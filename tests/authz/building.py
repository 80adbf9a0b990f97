"""Makes the world: places and people through the front door, rosters and messages in the background."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, product
from typing import Any, Final

from flask import Flask

from main import Runtime
from services.batch_jobs.events import EventKind, ProviderEvent
from services.batch_jobs.service import SEND_JOB
from services.notifications.inbox import inbox_address
from services.ports import Channel, Message, SendUnit
from tests.authz.actors import ACCOUNTS, Account
from tests.authz.examining import Examiner
from tests.authz.exams import hold_exams
from tests.authz.histories import Histories
from tests.authz.world import BOTH, CAMPUSES, COURSES, PLACES, WHOLE, Kind, Relation, World, word
from tests.cast import PASSWORD, ROSTER_HEADER, Person, one_time_token
from tests.questions import SINGLE
from tests.results import kept
from utils.documents import new_id

ROOT: Final = "root"
EVERYWHERE: Final = tuple(product(CAMPUSES, (*COURSES, BOTH)))
SEND: Final = "/student_management/students/send_credentials"
STUDENTS_PER_BATCH: Final = 2
BATCHES_PER_COURSE: Final = 2
GIF: Final = b"GIF89a" + bytes(20)


class Builder:
    """Builds one world in an empty database. ``rest`` waits until all background work is done."""

    def __init__(
        self, app: Flask, world: World, outbox: Callable[[], list[Any]], rest: Callable[[], None]
    ) -> None:
        self._app, self._world, self._outbox, self._rest = app, world, outbox, rest
        self._runtime: Runtime = app.extensions["versant"]
        self._mobiles = count(10_000)
        self._batches: dict[tuple[str, str], list[str]] = {}
        self._jobs: dict[tuple[str, str], str] = {}
        self._students: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def build(self) -> None:
        """Fill every tenant collection."""
        self._runtime.services.accounts.ensure_superadmin(ROOT, PASSWORD)
        self._root = Person(self._app, ROOT)
        for campus in CAMPUSES:
            self._campus(campus)
        for account in ACCOUNTS:
            self._appoint(account)
        for campus, course in EVERYWHERE:
            self._enrol(campus, course)
        self._rest()
        self._let_in()
        self._write()
        for campus, course in EVERYWHERE:
            self._work(campus, course)
        for campus in CAMPUSES:
            self._keep_file(campus)
        for campus in ("", *CAMPUSES):
            self._ask(campus)
        Examiner(self._root, self._world).examine(self._batches)
        self._rest()
        self._log_in()
        histories = Histories(self._app, self._world, self._root, self._rest)
        histories.happen([self._batches[campus, COURSES[0]][1] for campus in CAMPUSES])
        histories.practise(self._students)
        self._bounce()
        self._notify()
        self._score()
        for campus, course in PLACES:
            self._wait(campus, course)
        self._links()
        histories.stand_still()
        hold_exams(self._world, self._students)
        self._runtime.audits.sealer.tick()

    def _campus(self, campus: str) -> None:
        name = word(campus)
        place = {"name": f"Campus {name}", "code": name, "timezone": "Asia/Kolkata"}
        campus_id = self._world.campus_ids[campus] = self._post("/campus_management/campuses", place)
        self._world.stands(Kind.CAMPUS, campus, "1", campus_id)
        for course in COURSES:
            name = word(campus, course)
            place = {"campus_id": campus_id, "name": f"Course {name}", "code": name}
            course_id = self._world.course_ids[campus, course] = self._post(
                "/course_management/courses", place
            )
            self._world.stands(Kind.COURSE, campus, course, course_id)
        for course in (*COURSES, BOTH):
            self._make_batches(campus, course)

    def _make_batches(self, campus: str, course: str) -> None:
        def make(name: str) -> str:
            wanted = {
                "campus_id": self._world.campus_ids[campus],
                "name": f"{name} {word(campus, course)}",
                "course_ids": [self._world.course_ids[campus, one] for one in course],
            }
            return self._post("/batch_management/batches", wanted)

        made = [make(f"Batch {number}") for number in range(BATCHES_PER_COURSE if course != BOTH else 1)]
        self._batches[campus, course] = made
        self._world.stands(Kind.BATCH, campus, course, made[0])
        self._world.stands(Kind.EMPTY_BATCH, campus, course, make("Empty batch"))

    def _appoint(self, account: Account) -> None:
        wanted = {
            "role": account.role,
            "name": f"Admin {account.word}",
            "username": account.username,
            "email": f"{account.username}@{account.word}.example.com",
            "permissions": dict(account.modules),
            "course_ids": [self._world.course_ids[account.campus, course] for course in account.courses],
        }
        if account.campus:
            wanted["campus_id"] = self._world.campus_ids[account.campus]
        admin_id = self._post("/admin_management/admins", wanted)
        if account.granted | account.withheld:
            wish = {"permissions": sorted(account.permissions)}
            self._root.put(f"/access_control/admins/{admin_id}/permissions", wish)
        if account.stands:
            self._world.stands(Kind.ADMIN, account.campus, "".join(account.courses), admin_id)

    def _enrol(self, campus: str, course: str) -> None:
        name = word(campus, course)
        made = self._students[campus, course] = []
        for batch_id in self._batches[campus, course]:
            for _ in range(STUDENTS_PER_BATCH):
                roll_number = f"{name}-{len(made)}"
                wanted = {
                    "name": f"Student {name}",
                    "roll_number": roll_number,
                    "email": f"{roll_number}@example.com",
                    "mobile_number": f"+9198765{next(self._mobiles)}",
                    "batch_id": batch_id,
                    "course_ids": [self._world.course_ids[campus, one] for one in course],
                }
                made.append(self._root.post("/student_management/students", wanted))
        self._world.stands(Kind.STUDENT, campus, course, made[0]["id"])
        for instance in self._root.get(
            f"/batch_management/instances?batch_id={self._batches[campus, course][0]}"
        )["items"]:
            self._world.stands(Kind.INSTANCE, campus, course, instance["id"])

    def _let_in(self) -> None:
        """Give everybody the same password, but those whom the roster reaches and who stand for admins."""
        root = self._world.db.users.find_one({"username": ROOT})
        waiting = [account.username for account in ACCOUNTS if account.stands]
        change = {"status": "active", "password_hash": root["password_hash"]}
        self._world.db.users.update_many({"username": {"$nin": waiting}}, {"$set": change})

    def _work(self, campus: str, course: str) -> None:
        """Have a roster read and credentials sent by whoever is in charge of exactly this place."""
        boss = Person(self._app, f"boss.{campus}{course if course != BOTH else WHOLE}")
        batch_id = self._batches[campus, course][0]
        content = ROSTER_HEADER + "\n".join(self._roster(campus, course)) + "\n"
        form = {
            "batch_id": batch_id,
            "file": (io.BytesIO(content.encode()), f"{word(campus, course)}.csv"),
            "channels": "email,sms",
        }
        made = boss.post("/student_management/imports", status=202, data=form)
        self._world.stands(Kind.IMPORT, campus, course, made["id"])
        sending = {"batch_id": batch_id, "channels": ["email", "sms"]}
        job = boss.post(SEND, sending, status=202)
        self._world.stands(Kind.JOB, campus, course, job["id"])
        self._jobs[campus, course] = job["id"]
        later = {
            **sending,
            "channels": ["email"],
            "start_at": (datetime.now(UTC) + timedelta(days=9)).isoformat(),
        }
        for kind in (Kind.WAITING_JOB, Kind.PAUSED_JOB, Kind.GIVEN_UP_JOB):
            self._world.stands(kind, campus, course, boss.post(SEND, later, status=202)["id"])

    def _wait(self, campus: str, course: str) -> None:
        """Pause one of the jobs that have not begun, and let nobody be able to run another."""
        relation, targets = PLACES[campus, course], self._world.targets
        db, engine = self._world.db, self._runtime.engine
        self._root.post(f"/batch_processing/jobs/{targets[Kind.PAUSED_JOB, relation]}/pause", status=200)
        given_up = targets[Kind.GIVEN_UP_JOB, relation]
        for work in db.engine_jobs.find({"group": given_up, "name": SEND_JOB, "state": "available"}):
            engine._handlers[SEND_JOB].dead(work["args"], f"no worker survived {word(campus, course)}")
            self._world.stands(Kind.DEAD_LETTER, campus, course, work["args"]["sub_batch_id"])
        engine.drop(given_up)

    def _roster(self, campus: str, course: str) -> Iterator[str]:
        """Yield a new, a changed and an unchanged student, a mobile of the other campus, and no name."""
        name, group = word(campus, course), word(campus, course[0])
        [other] = set(CAMPUSES) - {campus}
        taken = self._students[other, course][0]["mobile_number"]
        present = self._students[campus, course]
        yield f"{group},{name}-new,Student {name},,{name}-new@example.com"
        yield f"{group},{present[0]['roll_number']},Renamed {name},,"
        yield f"{group},{present[1]['roll_number']},{present[1]['name']},,"
        yield f"{group},{name}-taken,Student {name},{taken},"
        yield f"{group},{name}-nameless,,,"

    def _keep_file(self, campus: str) -> None:
        wanted = {
            "purpose": "question_media",
            "name": f"{word(campus)}.gif",
            "content_type": "image/gif",
            "size": len(GIF),
            "campus_id": self._world.campus_ids[campus],
        }
        made = self._root.post("/files", wanted)
        sent = self._root.http.put(
            made["upload"]["url"].partition(".test")[2], data=GIF, content_type="image/gif"
        )
        assert sent.status_code == 204, sent.get_json()
        self._root.post(f"/files/{made['file']['id']}/complete", status=202)
        self._world.stands(Kind.FILE, campus, "1", made["file"]["id"])

    def _ask(self, campus: str) -> None:
        """Keep a question of a campus, or of the platform, which everybody there may read."""
        name = word(campus) if campus else "Everybody"
        wanted = SINGLE | {"stem": f"Who knows {name}?"}
        if campus:
            wanted["campus_id"] = self._world.campus_ids[campus]
        question_id = self._post("/question_bank/questions", wanted)
        self._world.stands(Kind.QUESTION, campus, "1", question_id)
        if not campus:
            self._world.targets[Kind.QUESTION, Relation.PLATFORM] = question_id

    def _bounce(self) -> None:
        """Let the provider tell of one student of each place, over each channel, that nothing arrives."""
        kinds = {
            Channel.EMAIL: (Kind.EMAIL, Kind.EMAIL_SUPPRESSION),
            Channel.SMS: (Kind.SMS, Kind.SMS_SUPPRESSION),
        }
        for place, job_id in self._jobs.items():
            for channel, (message, suppression) in kinds.items():
                delivery = self._world.db.deliveries.find_one({"job_id": job_id, "channel": channel})
                told = ProviderEvent(channel, EventKind.HARD_BOUNCED, "", delivery["_id"], None)
                self._runtime.services.events.take([told])
                self._world.stands(message, *place, delivery["_id"])
                wanted = {name: delivery[name] for name in ("campus_id", "channel")}
                found = self._world.db.suppressions.find_one({**wanted, "delivery_id": delivery["_id"]})
                self._world.stands(suppression, *place, found["_id"])

    def _write(self) -> None:
        """Have message texts edited: the platform's, which everybody may read, and each campus's own."""
        for campus in ("", *CAMPUSES):
            words = f"{word(campus) if campus else 'Hello'} {{{{ username }}}}: {{{{ link }}}}"
            boss = Person(self._app, f"boss.{campus}0") if campus else self._root
            boss.put("/sms_management/templates/credentials", {"text": words})
            mail = {"subject": words.partition(" ")[0], "text": words}
            boss.put("/email_management/templates/credentials", mail)

    def _log_in(self) -> None:
        """Let a student of each place have logged in on some device."""
        for place, students in self._students.items():
            person = Person(self._app, students[0]["roll_number"])
            [session] = self._world.db.sessions.find({"user_id": person.id, "revoked_at": None})
            self._world.stands(Kind.SESSION, *place, session["_id"])

    def _notify(self) -> None:
        """Put something into the inbox of a student of each place."""
        for place, students in self._students.items():
            address = inbox_address(students[0]["id"], self._world.campus_ids[place[0]])
            name = word(*place)
            note = Message(
                new_id(), Channel.INBOX, address, f"Student {name}", f"News of {name}", f"Hello {name}"
            )
            self._runtime.senders[Channel.INBOX].send(SendUnit("", Channel.INBOX, (note,)))
            self._world.stands(Kind.NOTIFICATION, *place, note.delivery_id)

    def _score(self) -> None:
        """Keep scores of a student of each place, one in practice that is marked, and open answers."""
        marked: dict[str, Any] = {
            "module": "READING",
            "level": "BEGINNER",
            "state": "scored",
            "score": Decimal(1),
        }
        for place, students in self._students.items():
            text = f"An essay of {word(*place)}"
            kept(self._runtime.store, students[0], text=text)
            kept(self._runtime.store, students[0], text=text, **marked)

    def _links(self) -> None:
        """Keep one open link of each purpose, as their owners got them."""
        self._app.test_client().post("/auth/forgot_password", json={"username": "caller"})
        self._rest()
        for message in self._outbox():
            if message["to"].startswith("helper.a1@"):
                self._world.tokens["activate"] = one_time_token(message["text"])
            if message["to"].startswith("caller@"):
                self._world.tokens["reset"] = one_time_token(message["text"])

    def _post(self, path: str, wanted: Any) -> str:
        return str(self._root.post(path, wanted)["id"])
