"""Undoing a whole import: what it made goes, what it changed comes back, nobody in use is touched."""

from typing import Any

import pytest

from services.imports import undoing
from services.imports.progress import ImportAnnouncer
from tests.cast import Cast, Person
from tests.routes.test_student_imports import ANNA, BALA, IMPORTS, STUDENTS, imported, preview, rows
from tests.waiting import pause


def undo(person: Person, shown: Any, status: int = 202) -> Any:
    return person.post(f"{IMPORTS}/{shown['id']}/undo", status=status)


def names(person: Person) -> set[str]:
    return {student["name"] for student in person.get(STUDENTS)["items"]}


def test_undoing_removes_whom_it_made_and_restores_what_it_changed(cast: Cast, at_rest: Any, db: Any) -> None:
    admin = cast.north.admin
    imported(admin, cast.north, ANNA)
    at_rest()
    second = imported(admin, cast.north, "ECE,001,Anna Schmidt,9876500000,anna@example.com", BALA)
    at_rest()
    assert names(admin) == {"Anna Schmidt", "பாலா"}

    begun = undo(admin, second)
    at_rest()

    assert (begun["state"], begun["undo"]["ended_at"]) == ("applied", None)
    shown = admin.get(f"{IMPORTS}/{second['id']}")
    assert shown["state"] == "undone"
    assert {n: shown["undo"][n] for n in ("removed", "restored", "kept", "stopped")} == {
        "removed": 1,
        "restored": 1,
        "kept": 0,
        "stopped": None,
    }
    (anna,) = admin.get(STUDENTS)["items"]
    assert (anna["name"], anna["mobile_number"]) == ("Anna Müller", "+919876543210")
    assert anna["course_ids"] == [cast.north.course_ids[0]]
    assert db["login_identifiers"].find_one({"_id": "002"}) is None
    actions = [row["action"] for row in db["audit"].find({"target": f"import:{second['id']}"}, hint="_id_")]
    assert actions == ["import.uploaded", "import.committed", "import.undo_begun", "import.undone"]


def test_what_was_undone_can_be_imported_again(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    first = imported(admin, cast.north, ANNA, BALA)
    at_rest()
    undo(admin, first)
    at_rest()

    again = imported(admin, cast.north, ANNA, BALA)

    assert again["counts"]["new"] == 2


def test_a_student_who_has_signed_in_or_was_edited_is_named_and_nothing_is_undone(
    cast: Cast, at_rest: Any
) -> None:
    admin = cast.north.admin
    shown = imported(admin, cast.north, ANNA, BALA)
    at_rest()
    cast.activated("001", "anna@example.com")
    bala = next(s for s in admin.get(STUDENTS)["items"] if s["roll_number"] == "002")
    admin.patch(f"{STUDENTS}/{bala['id']}", {"name": "Bala"})

    refused = undo(admin, shown, status=409)

    assert refused["type"] == "/problems/students-in-use"
    reasons = {student["name"]: student["reason"] for student in refused["students"]}
    assert reasons == {"Anna Müller": "has signed in", "Bala": "was edited since"}
    assert names(admin) == {"Anna Müller", "Bala"}


def test_an_import_is_undone_once_and_only_after_it_was_applied(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    waiting = preview(admin, cast.north, ANNA)
    refused = undo(admin, waiting, status=409)
    applied = imported(admin, cast.north, BALA)
    at_rest()
    undo(admin, applied)
    at_rest()

    again = undo(admin, applied, status=409)

    assert refused["type"] == again["type"] == "/problems/import-not-applied"


def test_messages_that_have_not_left_are_kept_back(cast: Cast, at_rest: Any, runtime: Any) -> None:
    admin = cast.north.admin
    shown = preview(admin, cast.north, ANNA)
    admin.post(f"{IMPORTS}/{shown['id']}/commit", {"channels": []}, status=202)
    at_rest()
    (anna,) = admin.get(STUDENTS)["items"]
    sending = {"channels": ["email"], "student_ids": [anna["id"]]}
    job = admin.post(f"{STUDENTS}/send_credentials", sending, status=202)
    at_rest()
    # as if the message had not left yet
    runtime.store.db["deliveries"].update_one(
        {"job_id": job["id"]}, {"$set": {"state": "pending"}}, comment="unscoped:test"
    )

    undo(admin, shown)
    at_rest()

    (delivery,) = admin.get(f"/batch_processing/jobs/{job['id']}/recipients")["items"]
    assert delivery["state"] == "skipped"
    assert delivery["last_error"] == "the student was removed before the message left"


@pytest.mark.parametrize(("before", "after"), [("failed", "skipped"), ("unknown", "unknown")])
def test_messages_that_failed_or_may_have_left_are_never_tried_again(
    cast: Cast, at_rest: Any, runtime: Any, before: str, after: str
) -> None:
    admin = cast.north.admin
    shown = preview(admin, cast.north, ANNA)
    admin.post(f"{IMPORTS}/{shown['id']}/commit", {"channels": []}, status=202)
    at_rest()
    (anna,) = admin.get(STUDENTS)["items"]
    sending = {"channels": ["email"], "student_ids": [anna["id"]]}
    job = admin.post(f"{STUDENTS}/send_credentials", sending, status=202)
    at_rest()
    where, deliveries = f"/batch_processing/jobs/{job['id']}", runtime.store.db["deliveries"]
    deliveries.update_many({"job_id": job["id"]}, {"$set": {"state": before}}, comment="unscoped:test")
    undo(admin, shown)
    at_rest()

    status = 409 if before == "failed" else 200
    admin.post(f"{where}/retry_failed", {"include_unknown": True}, status=status)
    at_rest()

    (ended,) = admin.get(f"{where}/recipients")["items"]
    assert ended["state"] == after
    if before == "failed":
        assert ended["last_error"] == "the student was removed before the message left"


def test_a_number_that_somebody_has_taken_meanwhile_keeps_that_row_and_only_that(
    cast: Cast, at_rest: Any
) -> None:
    admin = cast.north.admin
    imported(admin, cast.north, ANNA, BALA)
    at_rest()
    second = imported(admin, cast.north, ANNA.replace("9876543210", "9876500000"), BALA.replace("பாலா", "Bala"))
    at_rest()
    imported(admin, cast.north, "CSE,003,Chen,9876543210,")
    at_rest()

    undo(admin, second)
    at_rest()

    shown = admin.get(f"{IMPORTS}/{second['id']}")
    assert (shown["state"], shown["undo"]["restored"], shown["undo"]["kept"]) == ("undone", 1, 1)
    kept, restored = rows(admin, second, "changed")
    assert (kept["undone"], kept["kept_because"]) == (
        "kept",
        "the roll number or mobile number from before is somebody else's now",
    )
    assert (restored["undone"], restored["kept_because"]) == ("restored", None)


def test_whoever_signs_in_while_it_is_undone_is_kept(cast: Cast, at_rest: Any, runtime: Any) -> None:
    admin = cast.north.admin
    shown = imported(admin, cast.north, ANNA, BALA)
    at_rest()
    pause(runtime)
    undo(admin, shown)
    cast.activated("001", "anna@example.com")

    runtime.engine.resume()
    at_rest()

    done = admin.get(f"{IMPORTS}/{shown['id']}")
    assert (done["state"], done["undo"]["removed"], done["undo"]["kept"]) == ("undone", 1, 1)
    assert names(admin) == {"Anna Müller"}


@pytest.mark.expects_errors
def test_a_worker_may_die_after_any_chunk(cast: Cast, at_rest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = cast.north.admin
    shown = imported(admin, cast.north, *(f"CSE,R{n},Student {n},," for n in range(7)), channels="")
    at_rest()
    monkeypatch.setattr(undoing, "CHUNK", 2)
    deaths: list[str] = []

    def dying(_announcer: ImportAnnouncer, import_id: str, _campus_id: str) -> None:
        if len(deaths) < 3:
            deaths.append(import_id)
            raise SystemError("died after a chunk")

    monkeypatch.setattr(ImportAnnouncer, "touch", dying)
    undo(admin, shown)
    at_rest()

    done = admin.get(f"{IMPORTS}/{shown['id']}")
    assert len(deaths) == 3
    assert (done["state"], done["undo"]["removed"]) == ("undone", 7)
    assert names(admin) == set()


def test_another_campus_finds_nothing_to_undo(cast: Cast, at_rest: Any) -> None:
    shown = imported(cast.north.admin, cast.north, ANNA)
    at_rest()

    undo(cast.south.admin, shown, status=404)

    assert names(cast.north.admin) == {"Anna Müller"}
