"""Students through the front door: found by those who may see them."""

from typing import Any

import pytest

from main import Runtime
from tests.cast import Cast
from tests.clients import pointers, same
from tests.services.students.roll import wish

STUDENTS = "/student_management/students"
BATCHES = "/batch_management/batches"
NOBODY = "f" * 24


# --- found ---


def test_foreign_missing_and_malformed_students_are_the_same(cast: Cast) -> None:
    foreign = cast.south.admin.post(STUDENTS, wish(cast.south))["id"]
    admin, ids = cast.north.admin, (foreign, NOBODY, "no id at all")

    replies = [
        [same(admin.get(f"{STUDENTS}/{each}", status=404)) for each in ids],
        [same(admin.patch(f"{STUDENTS}/{each}", {"name": "Mine"}, status=404)) for each in ids],
        [same(admin.delete(f"{STUDENTS}/{each}", status=404)) for each in ids],
    ]

    for first, second, third in replies:
        assert first == second == third
        assert first["type"] == "/problems/student-not-found"
    assert cast.south.admin.get(f"{STUDENTS}/{foreign}")["name"] == "Asha Rao"


@pytest.mark.parametrize(
    "text",
    [
        "asha",
        "RAO a",
        "asha r",
        "21CS0012345",
        "21cs0012345678",
        "98765 43210",
        "+91 98765-43210",
        "9876543210",
        "987654",
        "919876543210",
    ],
)
def test_a_student_is_found_by_what_people_type(cast: Cast, text: str) -> None:
    admin = cast.north.admin
    made = admin.post(STUDENTS, wish(cast.north, "21CS0012345678", mobile_number="9876543210"))
    admin.post(STUDENTS, wish(cast.north, "21CS0019999999", name="Bala Iyer", mobile_number="9123456789"))

    found = admin.get(STUDENTS, query_string={"search": text})["items"]

    assert [row["id"] for row in found] == [made["id"]]


@pytest.mark.parametrize("text", ["zz", "asha zz", "21CS0012345679", "sha", "{$ne: 1}x", ".*ash"])
def test_nobody_is_found_by_what_fits_nobody(cast: Cast, text: str) -> None:
    cast.north.admin.post(STUDENTS, wish(cast.north, "21CS0012345678", name="Bsha Rao"))

    assert cast.north.admin.get(STUDENTS, query_string={"search": text})["items"] == []


def test_a_list_narrowed_to_places_that_are_not_ones_own_is_empty(cast: Cast) -> None:
    cast.south.admin.post(STUDENTS, wish(cast.south))
    south = {
        "campus_id": cast.south.id,
        "batch_id": cast.south.batch_id,
        "course_id": cast.south.course_ids[0],
    }

    for name, value in south.items():
        assert cast.north.admin.get(STUDENTS, query_string={name: value}) == {
            "items": [],
            "next_cursor": None,
        }
        assert len(cast.superadmin.get(STUDENTS, query_string={name: value})["items"]) == 1
        assert cast.superadmin.get(STUDENTS, query_string={name: NOBODY})["items"] == []
    mixed = {"campus_id": cast.north.id, "batch_id": cast.south.batch_id}
    assert cast.superadmin.get(STUDENTS, query_string=mixed)["items"] == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"search": "!!"}, "/search"),
        ({"sort": "password_hash"}, "/sort"),
        ({"status": "asleep"}, "/status"),
        ({"limit": "201"}, "/limit"),
        ({"cursor": "nonsense"}, "/cursor"),
        ({"role": "student"}, "/role"),
    ],
)
def test_a_wish_that_a_list_does_not_know_is_refused(cast: Cast, query: dict[str, str], pointer: str) -> None:
    assert pointers(cast.north.admin.get(STUDENTS, query_string=query, status=422)) == [pointer]


def test_a_login_is_seen_in_the_list(cast: Cast) -> None:
    cast.student(cast.north, "21CS001")

    [row] = cast.north.admin.get(STUDENTS)["items"]

    assert row["account"]["activated"] is True
    assert row["account"]["first_login_at"] is not None
    assert row["delivery"] == {"email": "delivered", "sms": None}


def test_a_page_takes_the_same_few_questions_whatever_its_length(
    cast: Cast, runtime: Runtime, db: Any
) -> None:
    for number in range(6):
        cast.north.admin.post(STUDENTS, wish(cast.north, f"21CS00{number}"))

    def asked(limit: int) -> int:
        db.command("profile", 0)
        db["system.profile"].drop()
        db.command("profile", 2)
        cast.north.admin.get(STUDENTS, query_string={"limit": limit})
        db.command("profile", 0)
        names = {
            "$in": [f"{db.name}.{name}" for name in ("students", "users", "deliveries", "courses", "batches")]
        }
        return int(
            db["system.profile"].count_documents(
                {"ns": names, "op": "query", "command.comment": {"$ne": "unscoped:principal"}}
            )
        )

    assert asked(1) == asked(6) <= 5
