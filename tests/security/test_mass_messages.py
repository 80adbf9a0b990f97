"""Nobody writes to everybody: no message has words, addresses or a sender of who sends it (abuse case 22)."""

from typing import Any, Final

from tests.cast import Cast

FREE: Final[tuple[dict[str, Any], ...]] = (
    {"text": "Dear all, pay here"},
    {"message": "Dear all"},
    {"body": "<a href='http://evil.example'>"},
    {"subject": "Urgent"},
    {"html": "<b>now</b>"},
    {"template": "credentials"},
    {"to": ["+919876543210"]},
    {"address": "everybody@example.com"},
    {"mobile": "+919876543210"},
    {"sender": "BANK"},
    {"placeholders": {"name": "click http://evil.example"}},
    {"campus_ids": []},
)


def test_credentials_take_no_word_and_no_address_of_the_sender(cast: Cast, db: Any) -> None:
    campus, path = cast.north, "/student_management/students/send_credentials"
    before = db.batch_jobs.count_documents({})

    for more in FREE:
        wish = {"batch_id": campus.batch_id, "channels": ["email", "sms"], **more}
        told = campus.admin.post(path, wish, status=422)
        assert [fault["pointer"] for fault in told["errors"]] == [f"/{next(iter(more))}"]

    assert db.batch_jobs.count_documents({}) == before


def test_what_people_are_called_is_no_message_to_them(cast: Cast) -> None:
    campus = cast.north
    name = "Pay at http://evil.example now"
    place = {"batch_id": campus.batch_id, "course_ids": list(campus.course_ids)}
    student = {"name": name, "roll_number": "S1", "email": "s1@example.com", **place}

    reply = campus.admin.http.post("/student_management/students", json=student)

    assert reply.status_code == 422
    assert [fault["pointer"] for fault in reply.get_json()["errors"]] == ["/name"]
