"""Nobody can be taken for an admin: what looks like a username is that username, or none (abuse case 25)."""

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from tests.cast import Cast

ADMIN: Final = "north.admin"
ALIKE: Final = {  # letters of other alphabets that look like these, and what a font draws alike
    "a": "\u0430\u0251\u03b1",
    "d": "\u0501\u217e",
    "h": "\u04bb",
    "i": "\u0456\u0131\u2170",
    "m": "\u217f\u043c",
    "n": "\u0578",
    "o": "\u043e\u03bf\u0585",
    "r": "\u0433",
    "t": "\u0442",
}
INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u2066\u180e\u034f"
SPACES: Final = " \u00a0\u2003\u3000\t\n"


def twins() -> Iterator[str]:
    """Yield what a person would read as the admin's name."""
    for place, letter in enumerate(ADMIN):
        for like in ALIKE.get(letter, ""):
            yield ADMIN[:place] + like + ADMIN[place + 1 :]
    yield from (ADMIN[:5] + hidden + ADMIN[5:] for hidden in INVISIBLE)
    yield from (ADMIN + hidden for hidden in INVISIBLE)
    yield from (space + ADMIN + space for space in SPACES)
    yield from (ADMIN + space for space in SPACES)
    yield "".join(chr(ord(letter) + 0xFEE0) for letter in ADMIN)
    yield from (ADMIN.upper(), ADMIN.title(), unicodedata.normalize("NFD", "n\u00f6rth.admin"))
    yield from (ADMIN.replace(".", dot) for dot in "\u3002\uff0e\u2024\u00b7")
    yield from (f"{ADMIN}\u0301", f"{ADMIN}\x00", "n0rth.admin"[:0] + ADMIN.replace("o", "\u2c9f"))


def test_no_twin_of_an_admin_is_made_as_admin_or_student(cast: Cast, db: Any) -> None:
    boss, campus, courses = cast.superadmin, cast.north, list(cast.north.course_ids)
    before = db.users.count_documents({})
    made = set(twins())

    answers = set()
    for number, name in enumerate(sorted(made)):
        admin = {"role": "campus_admin", "campus_id": campus.id, "name": "Twin", "username": name}
        admin["email"] = f"twin{number}@example.com"
        answers.add(boss.http.post("/admin_management/admins", json=admin).status_code)
        student = {"name": "Twin", "roll_number": name, "batch_id": campus.batch_id, "course_ids": courses}
        answers.add(campus.admin.http.post("/student_management/students", json=student).status_code)

    assert len(made) >= 60
    assert answers <= {400, 409, 422}
    assert db.users.count_documents({}) == before
