"""What a student needs in every test, kept once on the student."""

from typing import Any

from tests.cast import Cast

PATH = "/student_management/students/{}/accommodations"


def test_accommodations_are_kept_on_the_student_and_recorded_without_the_note(cast: Cast, db: Any) -> None:
    admin, student = cast.north.admin, cast.student(cast.north, "N-1")
    path = PATH.format(student.id)
    nothing = {"time_factor": 1, "extra_attempts": 0, "extra_plays": 0, "note": ""}
    wanted = {"time_factor": 1.25, "extra_attempts": 1, "extra_plays": 2, "note": "Reads slowly"}

    before = admin.get(path)
    kept = admin.put(path, wanted)

    assert before == {**nothing, "revision": before["revision"]}
    assert admin.get(path) == kept == {**wanted, "revision": before["revision"] + 1}
    [record] = db.audit.find({"action": "student.accommodated"})
    assert record["detail"] == {"time_percent": 125, "extra_attempts": 1, "extra_plays": 2}


def test_what_is_no_accommodation_is_refused_by_pointer(cast: Cast) -> None:
    admin, student = cast.north.admin, cast.student(cast.north, "N-1")
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"time_factor": 0.5}, "/time_factor"),
        ({"time_factor": 6}, "/time_factor"),
        ({"time_factor": 1.255}, "/time_factor"),
        ({"time_factor": None}, "/time_factor"),
        ({"extra_attempts": -1}, "/extra_attempts"),
        ({"extra_plays": 1.5}, "/extra_plays"),
        ({"note": "x" * 1001}, "/note"),
        ({"granted": 5}, "/granted"),
    )

    for body, pointer in refused:
        told = admin.put(PATH.format(student.id), body, status=422)
        assert [error["pointer"] for error in told["errors"]] == [pointer], body


def test_a_student_of_another_campus_does_not_exist(cast: Cast) -> None:
    student = cast.student(cast.south, "S-1")

    cast.north.admin.put(PATH.format(student.id), {"time_factor": 2}, status=404)
    cast.north.admin.get(PATH.format(student.id), status=404)
