"""One person's data: all of it is handed out, none of it is left, and no area is forgotten."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from commands.persons import anonymise, export_person
from main import Runtime
from models import INDEXES
from services.accounts.documents import User
from services.accounts.personal_repository import SHOWN
from services.batch_jobs.events import EventKind, ProviderEvent
from services.batch_jobs.personal_repository import PersonalDeliveries
from services.notifications.inbox import inbox_address
from services.ports import Channel, Message, SendUnit
from services.students.personal_repository import PersonalStudents
from tests.cast import PASSWORD, Cast, Person, roster
from tests.results import kept
from tests.sitting import attempts_of, published, recorded, sit

ROLL, NAME, EMAIL, MOBILE = "KANARI-77", "Kanarienvogel Zitrone", "kanari-77@example.com", "+919812377777"
TRACES = re.compile(r"kanari|zitrone|9812377777", re.IGNORECASE)
STUDENTS = "/student_management/students"
# Every collection that no area answers for, and why nothing personal is in it, or not for long.
NOT_PERSONAL = {
    "audit": "ids, numbers and names of fields; tests/authz/test_audited.py",
    "audit_heads": "numbers and hashes",
    "batch_jobs": "ids and counts",
    "sub_batches": "ids",
    "dead_letters": "ids, and why a worker gave up",
    "channels": "whether a provider takes messages",
    "paces": "counts of calls",
    "message_quotas": "counts by day",
    "unmatched_events": "events of a provider about messages that are not known; gone after 48 hours",
    "campuses": "places",
    "courses": "places",
    "batches": "places",
    "batch_course_instances": "places",
    "cache_tags": "versions of what is remembered",
    "exam_orders": "ids, times, and why, in the words of an admin",
    "exam_turns": "counts of students by how they stand; gone a day later",
    "rehearsals": "ids of what does not exist",
    "engine_jobs": "ids; gone a day after they end, with what somebody typed who asked for a reset link",
    "feature_switches": "what a role may use",
    "answer_keys": "keys of questions",
    "question_modules": "the skill tree",
    "question_versions": "questions, by ids of authors",
    "questions": "questions, by ids of authors",
    "idempotency_keys": "first replies to requests; gone after 48 hours",
    "imports": "places, counts and the names of files",
    "login_throttle": "hashes; gone once they count no more",
    "message_templates": "texts of admins",
    "message_template_versions": "texts of admins",
    "server_processes": "processes",
    "test_papers": "questions",
    "tests": "plans, by ids of authors and of students",
    "taken_elsewhere": "counts by campus and hour",
}
SHORT_LIVED = {"engine_jobs", "idempotency_keys"}


@pytest.fixture
def somebody(cast: Cast, runtime: Runtime, at_rest: Any, db: Any) -> Person:
    """A student of whom there are traces everywhere: rosters, messages, a bounce, a session, an inbox."""
    campus = cast.north
    somebody = cast.student(campus, ROLL, name=NAME, email=EMAIL, mobile_number=MOBILE)
    line = f"CSE,{ROLL},{NAME} Junior,{MOBILE},{EMAIL}"
    lines = (line, f"CSE,{ROLL.lower()},{NAME},no number,")
    for some in (lines[:1], lines[1:]):
        form = {"batch_id": campus.batch_id, "file": roster(*some), "dry_run": "false"}
        campus.admin.post("/student_management/imports", status=202, data=form)
        at_rest()
    sending = {"student_ids": [somebody.id], "channels": ["email", "sms"]}
    job = campus.admin.post(f"{STUDENTS}/send_credentials", sending, status=202)
    at_rest()
    sent = db.deliveries.find_one({"job_id": job["id"], "channel": "email"})
    runtime.services.events.take(
        [ProviderEvent(Channel.EMAIL, EventKind.HARD_BOUNCED, "", sent["_id"], None)]
    )
    unlocked = {
        "module": "READING",
        "level": "ADVANCED",
        "action": "unlock",
        "reason": f"{NAME} has shown it",
    }
    campus.admin.post(f"/practice_management/students/{somebody.id}/overrides", unlocked)
    address = inbox_address(somebody.id, campus.id)
    note = Message("0" * 24, Channel.INBOX, address, NAME, f"For {NAME}", f"Dear {NAME}")
    runtime.senders[Channel.INBOX].send(SendUnit("", Channel.INBOX, (note,)))
    Person(somebody.http.application, ROLL.lower())
    kept(runtime.store, db.students.find_one({"_id": somebody.id}), text=f"I am {NAME}.")
    sit(somebody, published(db, campus.id, ("essay",)), text=f"{NAME}, an essay")
    spoken = somebody.post(attempts_of(published(db, campus.id, ("spoken",))))
    recorded(somebody, spoken["id"], "1")
    at_rest()  # also what tells of the login
    return somebody


def stored(db: Any) -> Iterator[tuple[str, str]]:
    """Yield every row of the database as text, with its collection."""
    for name in db.list_collection_names():
        if not name.startswith("system."):
            yield from ((name, str(row)) for row in db[name].find())


def traces(db: Any) -> set[str]:
    return {name for name, row in stored(db) if TRACES.search(row)} - SHORT_LIVED


def test_every_collection_is_answered_for_or_has_nothing_personal(runtime: Runtime) -> None:
    answered = runtime.services.persons.collections

    assert answered | NOT_PERSONAL.keys() == INDEXES.keys()
    assert answered & NOT_PERSONAL.keys() == set()


def test_every_field_of_an_account_is_handed_out_or_is_none_of_anybodys_business() -> None:
    inner = {
        "name_key",
        "password_hash",
        "must_change_password",
        "ver",
        "revision",
        "granted",
        "withheld",
        "second_factor",
        "devices",
    }

    assert set(User.model_fields) - {"id"} - inner == set(SHOWN["users"]) - {"_id"}


def test_everything_about_a_person_is_handed_out_and_no_secret(
    cast: Cast, somebody: Person, runtime: Runtime, db: Any
) -> None:
    unnamed = {"attempt_events", "files", "sessions", "one_time_links", "test_results"}
    assert traces(db) == runtime.services.persons.collections - unnamed

    found = cast.north.admin.post(f"{STUDENTS}/{somebody.id}/export", status=200)

    assert found["person_id"] == somebody.id
    assert {name for name, rows in found["records"].items() if rows} == runtime.services.persons.collections
    assert len(found["records"]["import_rows"]) == 2
    text, user = json.dumps(found), db.users.find_one({"_id": somebody.id})
    hashes = [row["refresh_hash"] for row in db.sessions.find({"user_id": somebody.id})]
    nonces = [row["nonce"] for row in db.deliveries.find({"recipient_id": somebody.id})]
    links = [row["_id"] for row in db.one_time_links.find({"user_id": somebody.id})]
    assert [secret for secret in (user["password_hash"], *hashes, *nonces, *links) if secret in text] == []
    assert db.audit.find_one({"action": "person.exported"})["target"] == f"user:{somebody.id}"


def test_nothing_is_left_that_names_the_person_and_figures_stay(
    cast: Cast, somebody: Person, db: Any, client: Any
) -> None:
    admin, before = cast.north.admin, db.deliveries.count_documents({"recipient_id": somebody.id})
    counted = db.suppressions.count_documents({})

    admin.post(f"{STUDENTS}/{somebody.id}/anonymise", status=204)

    assert traces(db) == set()
    assert somebody.http.get("/auth/me").status_code == 401
    door = {"username": ROLL, "password": PASSWORD}
    assert client.post("/auth/login", json=door).status_code == 401
    shown = admin.get(f"{STUDENTS}/{somebody.id}")
    assert (shown["name"], shown["status"]) == (f"anonymous-{somebody.id}", "deactivated")
    assert db.deliveries.count_documents({"recipient_id": somebody.id}) == before
    assert db.suppressions.count_documents({}) == counted
    made_anew = {"name": "Other", "roll_number": ROLL, "mobile_number": MOBILE}
    places = {"batch_id": cast.north.batch_id, "course_ids": [cast.north.course_ids[0]]}
    admin.post(STUDENTS, {**made_anew, **places})


def test_once_more_changes_nothing(cast: Cast, somebody: Person, db: Any, runtime: Runtime) -> None:
    def theirs() -> list[tuple[str, str]]:
        return sorted(row for row in stored(db) if row[0] in runtime.services.persons.collections)

    path = f"{STUDENTS}/{somebody.id}/anonymise"
    cast.north.admin.post(path, status=204)
    first = theirs()

    cast.north.admin.post(path, status=204)

    assert theirs() == first


@pytest.mark.expects_errors
@pytest.mark.parametrize("area", [PersonalDeliveries, PersonalStudents])
def test_it_happens_as_a_whole_or_not_at_all(
    cast: Cast, somebody: Person, db: Any, monkeypatch: pytest.MonkeyPatch, area: type[Any]
) -> None:
    def dies(*_: Any) -> None:
        raise RuntimeError("the process is gone")

    before = traces(db)
    path = f"{STUDENTS}/{somebody.id}/anonymise"
    with monkeypatch.context() as patched:
        patched.setattr(area, "anonymise", dies)
        cast.north.admin.post(path, status=500)
    assert traces(db) == before

    cast.north.admin.post(path, status=204)
    assert traces(db) == set()


def test_only_who_runs_the_campus_may(cast: Cast, somebody: Person) -> None:
    campus = cast.north
    teacher = cast.admin("teacher", "course_admin", campus.id, course_ids=[campus.course_ids[0]])

    for verb in ("export", "anonymise"):
        teacher.post(f"{STUDENTS}/{somebody.id}/{verb}", status=403)
        cast.south.admin.post(f"{STUDENTS}/{somebody.id}/{verb}", status=404)


def test_operations_export_and_anonymise_by_name(
    app: Flask, cast: Cast, somebody: Person, db: Any, tmp_path: Path
) -> None:
    path, run = tmp_path / "person.json", app.test_cli_runner().invoke

    assert run(export_person, [ROLL, "--out", str(path)]).exit_code == 0
    assert json.loads(path.read_text())["records"]["students"][0]["name"] == f"{NAME} Junior"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "is there already" in run(export_person, [somebody.id, "--out", str(path)]).output
    assert run(anonymise, [somebody.id], input="n\n").exit_code == 1
    assert traces(db)
    assert run(anonymise, [somebody.id, "--yes"]).exit_code == 0
    assert traces(db) == set()
    assert run(anonymise, ["nobody", "--yes"]).exit_code == 1


def test_the_last_superadmin_stays(app: Flask, cast: Cast, db: Any) -> None:
    boss = cast.superadmin

    result = app.test_cli_runner().invoke(anonymise, ["root", "--yes"])

    assert result.exit_code == 1
    assert "last active admin" in result.output
    assert db.users.find_one({"_id": boss.id})["username"] == "root"
