"""Rosters through the front door: upload, preview, commit, and what a school secretary is told."""

import io
from typing import Any

import pytest

from tests.cast import Campus, Cast, Person, roster
from tests.waiting import pause, until

IMPORTS = "/student_management/imports"
STUDENTS = "/student_management/students"


def upload(person: Person, campus: Campus, *lines: str, status: int = 202, **form: Any) -> Any:
    """Upload CSV rows and return the import as it was taken in."""
    fields = {"batch_id": campus.batch_id, **form, "file": form.get("file") or roster(*lines)}
    return person.post(IMPORTS, status=status, data=fields)


def settled(person: Person, import_id: str) -> Any:
    """Return the import as soon as nothing moves any more."""

    def still() -> Any:
        shown = person.get(f"{IMPORTS}/{import_id}")
        return shown if shown["state"] not in {"parsing", "applying"} else None

    return until(still, "the import at rest", seen=lambda: person.get(f"{IMPORTS}/{import_id}"))


def preview(person: Person, campus: Campus, *lines: str, **form: Any) -> Any:
    return settled(person, upload(person, campus, *lines, **form)["id"])


def imported(person: Person, campus: Campus, *lines: str, **form: Any) -> Any:
    return preview(person, campus, *lines, dry_run="false", **form)


def rows(person: Person, shown: Any, outcome: str) -> Any:
    return person.get(f"{IMPORTS}/{shown['id']}/rows?outcome={outcome}")["items"]


ANNA = "CSE,001,Anna Müller,9876543210,anna@example.com"
BALA = "ECE,002,பாலா,9876543211,bala@example.com"


def test_a_dry_run_shows_what_would_happen_and_writes_no_student(cast: Cast, db: Any) -> None:
    admin = cast.north.admin

    shown = preview(admin, cast.north, ANNA, BALA, "XYZ,003,Chen,9876543212,")

    assert shown["state"] == "previewed"
    assert shown["counts"] == {"total": 3, "new": 2, "changed": 0, "same": 0, "error": 1}
    assert [row["values"]["roll_number"] for row in rows(admin, shown, "new")] == ["001", "002"]
    (bad,) = rows(admin, shown, "error")
    assert bad["row"] == 4
    assert bad["errors"][0]["column"] == "Group"
    assert "CSE" in bad["errors"][0]["detail"]
    assert db["students"].count_documents({"username": {"$gte": ""}}) == 0


def test_committing_makes_accounts_and_tells_every_new_student_once(
    cast: Cast, at_rest: Any, outbox: Any, db: Any
) -> None:
    admin = cast.north.admin
    shown = preview(admin, cast.north, ANNA, BALA)

    committed = admin.post(f"{IMPORTS}/{shown['id']}/commit", {"channels": ["email", "sms"]}, status=202)
    at_rest()

    applied = admin.get(f"{IMPORTS}/{shown['id']}")
    assert (applied["state"], applied["rows_done"]) == ("applied", 2)
    job = admin.get(f"/batch_processing/jobs/{committed['job_id']}")
    assert (job["state"], job["total"], job["counts"]["delivered"]) == ("completed", 4, 4)
    told = sorted((m["channel"], m["to"]) for m in outbox() if m["to"] != "north.admin@example.com")
    assert told == [
        ("email", "anna@example.com"),
        ("email", "bala@example.com"),
        ("sms", "+919876543210"),
        ("sms", "+919876543211"),
    ]
    names = {row["name"] for row in admin.get(STUDENTS)["items"]}
    assert names == {"Anna Müller", "பாலா"}


def test_a_student_of_the_roster_sets_a_password_by_the_link_and_logs_in(cast: Cast, at_rest: Any) -> None:
    imported(cast.north.admin, cast.north, ANNA)
    at_rest()

    anna = cast.activated("001", "anna@example.com")

    assert anna.get("/auth/me")["role"] == "student"


def test_email_and_sms_of_one_person_carry_the_same_link(cast: Cast, at_rest: Any, outbox: Any) -> None:
    from tests.cast import one_time_token

    imported(cast.north.admin, cast.north, ANNA)
    at_rest()

    messages = [m for m in outbox() if m["to"] in {"anna@example.com", "+919876543210"}]

    assert len(messages) == 2
    assert len({one_time_token(m["text"]) for m in messages}) == 1


def test_the_same_file_again_changes_nothing(cast: Cast, at_rest: Any, outbox: Any) -> None:
    imported(cast.north.admin, cast.north, ANNA, BALA)
    at_rest()
    before = len(outbox())

    again = imported(cast.north.admin, cast.north, ANNA, BALA)
    at_rest()

    assert again["counts"] == {"total": 2, "new": 0, "changed": 0, "same": 2, "error": 0}
    assert (again["state"], again["job_id"], len(outbox())) == ("applied", None, before)


def test_a_changed_row_changes_the_student_and_tells_nobody(cast: Cast, at_rest: Any, outbox: Any) -> None:
    admin = cast.north.admin
    imported(admin, cast.north, ANNA)
    at_rest()
    before = len(outbox())

    shown = preview(admin, cast.north, "CSE,001,Anna Schmidt,9876500000,anna@example.com")
    (row,) = rows(admin, shown, "changed")
    admin.post(f"{IMPORTS}/{shown['id']}/commit", {"channels": ["email", "sms"]}, status=202)
    at_rest()

    assert row["changes"]["name"] == ["Anna Müller", "Anna Schmidt"]
    (student,) = admin.get(STUDENTS)["items"]
    assert (student["name"], student["mobile_number"]) == ("Anna Schmidt", "+919876500000")
    assert len(outbox()) == before


def test_a_blank_cell_leaves_what_is_there(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    imported(admin, cast.north, ANNA)
    at_rest()

    shown = preview(admin, cast.north, "CSE,001,Anna Müller,,")

    assert shown["counts"]["same"] == 1


def test_a_student_changed_since_the_preview_is_not_overwritten(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    imported(admin, cast.north, ANNA)
    at_rest()
    shown = preview(admin, cast.north, "CSE,001,Anna Schmidt,9876543210,anna@example.com")
    (student,) = admin.get(STUDENTS)["items"]
    admin.patch(f"{STUDENTS}/{student['id']}", {"name": "Anna Weber"})

    admin.post(f"{IMPORTS}/{shown['id']}/commit", {"channels": []}, status=202)
    at_rest()

    (bad,) = rows(admin, shown, "error")
    assert bad["errors"][0]["detail"].startswith("changed-since-preview")
    assert admin.get(f"{STUDENTS}/{student['id']}")["name"] == "Anna Weber"
    counts = admin.get(f"{IMPORTS}/{shown['id']}")["counts"]
    assert counts == {"total": 1, "new": 0, "changed": 0, "same": 0, "error": 1}


def test_a_student_added_since_the_preview_is_not_added_twice(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    first = preview(admin, cast.north, ANNA, BALA)
    second = preview(admin, cast.north, ANNA)

    admin.post(f"{IMPORTS}/{second['id']}/commit", {"channels": []}, status=202)
    at_rest()
    admin.post(f"{IMPORTS}/{first['id']}/commit", {"channels": []}, status=202)
    at_rest()

    assert admin.get(f"{IMPORTS}/{first['id']}")["counts"]["error"] == 1
    assert len(admin.get(STUDENTS)["items"]) == 2


def test_an_import_is_committed_once(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    shown = preview(admin, cast.north, ANNA)
    admin.post(f"{IMPORTS}/{shown['id']}/commit", {"channels": []}, status=202)

    again = admin.post(f"{IMPORTS}/{shown['id']}/commit", {"channels": []}, status=409)

    assert again["type"] == "/problems/import-not-previewed"


def test_a_roll_number_of_another_campus_is_taken_without_a_word_about_its_owner(
    cast: Cast, at_rest: Any, db: Any
) -> None:
    imported(cast.south.admin, cast.south, "CSE,77/A,Southern Secret,9811111111,secret@example.com")
    at_rest()

    shown = preview(cast.north.admin, cast.north, "CSE,77/A,Northern Name,9822222222,", ANNA)

    (bad,) = rows(cast.north.admin, shown, "error")
    assert bad["errors"] == [
        {"column": "Roll Number", "detail": "already-in-use: somebody else has it; check the number"}
    ]
    assert "Southern" not in str(bad)
    assert db["audit"].count_documents({"action": "student.taken_elsewhere", "campus_id": cast.north.id}) == 1


def test_asking_for_more_than_200_taken_numbers_in_an_hour_fails_the_import(cast: Cast, at_rest: Any) -> None:
    theirs = [f"CSE,S{n:04},Student {n}," + "," for n in range(201)]
    imported(cast.south.admin, cast.south, *theirs, channels="")
    at_rest()

    shown = preview(cast.north.admin, cast.north, *theirs)

    assert shown["state"] == "failed"
    assert shown["failure"]["slug"] == "too-many-taken"
    assert shown["counts"]["total"] == 0


def test_siblings_share_an_address_and_each_gets_a_message(cast: Cast, at_rest: Any, outbox: Any) -> None:
    imported(
        cast.north.admin,
        cast.north,
        "CSE,011,Elder,9800000011,family@example.com",
        "CSE,012,Younger,9800000012,family@example.com",
        channels="email",
    )
    at_rest()

    assert len([m for m in outbox() if m["to"] == "family@example.com"]) == 2


def test_a_row_without_an_email_is_skipped_on_that_channel_and_says_so(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    shown = imported(admin, cast.north, "CSE,001,Anna,9876543210,")
    at_rest()

    recipients = admin.get(f"/batch_processing/jobs/{shown['job_id']}/recipients")["items"]

    assert {(r["channel"], r["state"], r["last_error"]) for r in recipients} == {
        ("email", "skipped", "no email address"),
        ("sms", "delivered", None),
    }


def test_the_bad_rows_come_back_as_a_file_that_can_be_corrected_and_uploaded(
    cast: Cast, at_rest: Any
) -> None:
    admin = cast.north.admin
    shown = imported(admin, cast.north, ANNA, "CSE,002,Bala,12,bala@example.com")
    at_rest()

    file = admin.http.get(f"{IMPORTS}/{shown['id']}/errors.csv")
    text = file.get_data().decode("utf-8-sig")
    corrected = text.replace(",12,", ",9876543211,").replace("'12", "9876543211")
    again = imported(admin, cast.north, file=(io.BytesIO(corrected.encode()), "errors.csv"))

    assert file.headers["Content-Type"].startswith("text/csv")
    assert "Reason" in text
    assert again["counts"]["new"] == 1, again


def test_a_course_admin_imports_into_the_own_course_only(cast: Cast, at_rest: Any) -> None:
    north = cast.north
    teacher = cast.admin("cse.admin", "course_admin", north.id, course_ids=[north.course_ids[0]])

    shown = imported(teacher, north, ANNA, BALA)
    at_rest()

    assert (shown["counts"]["new"], shown["counts"]["error"]) == (1, 1)
    assert north.admin.get(f"{IMPORTS}/{shown['id']}")["id"] == shown["id"]
    other = cast.admin("ece.admin", "course_admin", north.id, course_ids=[north.course_ids[1]])
    other.get(f"{IMPORTS}/{shown['id']}", status=404)


def test_whoever_lost_the_right_meanwhile_imports_nobody(cast: Cast, at_rest: Any, runtime: Any) -> None:
    north = cast.north
    teacher = cast.admin("cse.admin", "course_admin", north.id, course_ids=[north.course_ids[0]])
    shown = preview(teacher, north, ANNA)
    pause(runtime)
    teacher.post(f"{IMPORTS}/{shown['id']}/commit", {"channels": ["email"]}, status=202)
    north.admin.post(f"/admin_management/admins/{teacher.id}/deactivate", status=200)

    runtime.engine.resume()
    at_rest()

    ended = north.admin.get(f"{IMPORTS}/{shown['id']}")
    assert (ended["state"], ended["failure"]["slug"]) == ("failed", "not-allowed")
    assert north.admin.get(STUDENTS)["items"] == []


def test_whoever_lost_a_course_meanwhile_imports_nobody_into_it(
    cast: Cast, at_rest: Any, runtime: Any
) -> None:
    north = cast.north
    first, second = north.course_ids
    teacher = cast.admin("cse.admin", "course_admin", north.id, course_ids=[first])
    shown = preview(teacher, north, ANNA)
    pause(runtime)
    teacher.post(f"{IMPORTS}/{shown['id']}/commit", {"channels": ["email"]}, status=202)
    north.admin.patch(f"/admin_management/admins/{teacher.id}", {"course_ids": [second]})

    runtime.engine.resume()
    at_rest()

    assert north.admin.get(f"{IMPORTS}/{shown['id']}")["failure"]["slug"] == "not-allowed"
    assert north.admin.get(STUDENTS)["items"] == []


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({"batch_id": "0" * 24}, "/batch_id"),
        ({"channels": "pigeon"}, "/channels/0"),
        ({"dry_run": "perhaps"}, "/dry_run"),
        ({"course_ids": "0" * 24}, "/course_ids"),
        ({"file": (io.BytesIO(b"x"), "roster.pdf")}, "/file"),
        ({"file": (io.BytesIO(b""), "roster.csv")}, "/file"),
        ({"surprise": "1"}, "/surprise"),
    ],
)
def test_a_wrong_form_is_named_by_field(cast: Cast, form: Any, pointer: str) -> None:
    problem = upload(cast.north.admin, cast.north, ANNA, status=422, **form)

    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]


def test_a_file_that_cannot_be_used_fails_with_a_sentence(cast: Cast) -> None:
    shown = preview(cast.north.admin, cast.north, file=roster("red,round", header="Colour,Shape\n"))

    assert shown["state"] == "failed"
    assert "Roll Number" in shown["failure"]["detail"]


def test_the_same_upload_repeated_with_its_key_is_one_import(cast: Cast) -> None:
    admin, key = cast.north.admin, {"Idempotency-Key": "roster-1"}

    first = upload_with(admin, cast.north, key)
    second = upload_with(admin, cast.north, key)

    assert first["id"] == second["id"]
    assert len(admin.get(IMPORTS)["items"]) == 1


def upload_with(person: Person, campus: Campus, headers: dict[str, str]) -> Any:
    form = {"batch_id": campus.batch_id, "file": roster(ANNA)}
    return person.post(IMPORTS, status=202, data=form, headers=headers)


def test_the_template_can_be_uploaded_as_it_is_once_filled(cast: Cast) -> None:
    admin = cast.north.admin

    text = admin.http.get(f"{IMPORTS}/template?format=csv").get_data()
    shown = preview(admin, cast.north, file=(io.BytesIO(text + ANNA.encode()), "roster.csv"))

    assert shown["counts"]["new"] == 1
    assert admin.http.get(f"{IMPORTS}/template").get_data()[:2] == b"PK"


def test_ten_imports_of_one_batch_at_once_end_well(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    made = [
        upload(
            admin,
            cast.north,
            *(f"CSE,{f}-{n},Student {f} {n},," for n in range(20)),
            dry_run="false",
            channels="",
        )
        for f in range(10)
    ]

    at_rest(60)

    assert {settled(admin, each["id"])["counts"]["new"] for each in made} == {20}
    assert len(admin.get(f"{STUDENTS}?limit=200")["items"]) == 200
