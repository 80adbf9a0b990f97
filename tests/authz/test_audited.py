"""Whatever changes something has its row in the audit log, in one transaction with what it changes."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from pymongo.errors import WriteError

from config.permissions import Permission
from services.audit.repository import AuditRepository
from tests.authz.actors import ACTORS
from tests.authz.asking import Reply
from tests.authz.operations import At, Operation, operations
from tests.authz.valid_requests import VALID_REQUESTS
from tests.authz.walk import Walk
from tests.authz.writes import Writes

pytestmark = pytest.mark.xdist_group("authz")

REVIEWED: Final = Path(__file__).with_name("unaudited_routes.txt")
SUPERADMIN: Final = next(actor for actor in ACTORS if actor.name == "superadmin")
# Written beside an effect and not for it: counts of tries, keys of requests, what processes tell each other.
BESIDE: Final = frozenset({"login_throttle", "idempotency_keys", "server_processes"})
# What a superadmin is refused in the world as it is, or finds done already; tests of its own ask for it.
NOT_DONE: Final[dict[str, str]] = {
    "admin_management.reactivate_admin": "tests/routes/test_admin_changes.py",
    "admin_management.reset_second_factor": "tests/routes/test_auth_totp.py",
    "auth_sessions.end_session": "tests/routes/test_auth_sessions.py",
    "auth_totp.confirm": "tests/routes/test_auth_totp.py",
    "auth_totp.remove": "tests/routes/test_auth_totp.py",
    "auth_totp.renew_recovery_codes": "tests/routes/test_auth_totp.py",
    "campus_management.delete_campus": "tests/routes/test_campus_management.py",
    "course_management.delete_course": "tests/routes/test_course_management.py",
    "email_management.resume_channel": "tests/routes/test_channels.py",
    "email_templates.test_send": "tests/routes/test_message_templates.py",
    "files.put_content": "by a signed link; its announcement was audited",
    "sms_templates.test_send": "tests/routes/test_message_templates.py",
    **dict.fromkeys(
        (
            "student.report_events",
            "student.save_answers",
            "student.start_attempt",
            "student.submit_attempt",
            "student.take_over_attempt",
        ),
        "tests/routes/test_student.py: only students do",
    ),
    "student_imports.undo": "tests/routes/test_import_undo.py",
    "student_management.reset_second_factor": "tests/routes/test_auth_totp.py",
    **dict.fromkeys(
        ("student_recordings.announce_recording", "student_recordings.complete_recording"),
        "tests/routes/test_student_recordings.py: only students do",
    ),
    "student.play": "tests/routes/test_student_plays.py: only students do",
    "student_practice.check_answer": "tests/routes/test_student_practice.py: only students do",
    "webhooks.brevo_email": "the provider tells what became of messages; it stands in their history",
    "webhooks.brevo_sms": "the provider tells what became of messages; it stands in their history",
}
LATER: Final = {"batch_control.cancel": "its deliveries are settled after it, in steps, by a durable job"}
WORD: Final = re.compile(r"xq[a-z][0-9]+qx", re.IGNORECASE)


@dataclass(slots=True)
class Seen:
    """What became of asking for everything: operations by what they left in the log."""

    silent: set[str] = field(default_factory=set)
    apart: dict[str, set[str]] = field(default_factory=dict)
    not_done: dict[str, int] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def reviewed() -> dict[str, str]:
    """Return the operations of the file with their reasons."""
    lines = REVIEWED.read_text(encoding="utf-8").splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))


def hands_out_a_file(operation: Operation) -> bool:
    """Tell whether an operation is a download of something that not everybody may see."""
    spec = operation.spec
    return spec is not None and spec.media_type != "application/json" and isinstance(spec.access, Permission)


def ask(walk: Walk, operation: Operation) -> tuple[Reply, set[tuple[str, str]]]:
    """Return the reply to a superadmin's valid request, and what was written in which transaction."""
    database, writes = walk.world.db.name, Writes.installed()
    writes.taken(database)
    reply = walk.asking.ask(operation, SUPERADMIN, VALID_REQUESTS[operation.name](At(walk.world)))
    return reply, {(name, unit) for name, unit in writes.units(database) if name not in BESIDE}


@pytest.fixture(scope="module")
def seen(walk: Walk, walked: Flask) -> Seen:
    """Everything that changes something or hands out a file, asked for once."""
    found, known = Seen(), {row["_id"] for row in walk.world.snapshot["audit"]}
    for operation in sorted(operations(walked), key=lambda one: one.name.startswith("auth.")):
        if operation.safe and not hands_out_a_file(operation):
            continue
        reply, units = ask(walk, operation)
        found.rows += [row for row in walk.world.db.audit.find() if row["_id"] not in known]
        changed = walk.effects.changed(all_of_it=True)
        walk.effects.undo(changed)
        audited = {unit for name, unit in units if name == "audit"}
        others = {name for name, unit in units if name != "audit" and (not unit or unit not in audited)}
        nothing = not changed and not hands_out_a_file(operation)
        if reply.status >= 400 or nothing:
            found.not_done[operation.name] = reply.status
        elif not audited:
            found.silent.add(operation.name)
        elif others:
            found.apart[operation.name] = others
    return found


def test_every_change_and_every_download_has_its_row(seen: Seen) -> None:
    assert seen.silent - reviewed().keys() == set()
    assert reviewed().keys() - seen.silent - seen.not_done.keys() == set(), "these are audited by now"


def test_the_row_is_part_of_the_transaction_of_what_it_tells_of(seen: Seen) -> None:
    assert seen.apart.keys() - LATER.keys() == set(), seen.apart


def test_whatever_was_not_done_here_is_known(seen: Seen) -> None:
    unknown = {name: status for name, status in seen.not_done.items() if name not in reviewed()}

    assert unknown.keys() ^ NOT_DONE.keys() == set()


def test_no_row_names_anybody_or_anything_of_a_place(seen: Seen) -> None:
    assert [row for row in seen.rows if WORD.search(str(row)) or "example.com" in str(row)] == []


@pytest.mark.expects_errors
@pytest.mark.parametrize(
    "name",
    ["student_management.update_student", "admin_management.deactivate_admin", "auth.logout"],
)
def test_what_the_log_does_not_take_does_not_happen(
    walk: Walk, walked: Flask, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise WriteError("the log is full")

    [operation] = [one for one in operations(walked) if one.name == name]
    with monkeypatch.context() as patched:
        patched.setattr(AuditRepository, "add", full)
        reply, _ = ask(walk, operation)
    changed = walk.effects.changed(all_of_it=True)
    walk.effects.undo(changed)

    assert reply.status in (500, 503)
    assert changed == []
