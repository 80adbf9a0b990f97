"""Questions as files through the front door: GIFT, CSV and XLSX in; GIFT and CSV out."""

import io
from typing import Any

from openpyxl import Workbook

from services.questions.exchange import importing
from tests.cast import Cast, Person
from tests.questions import QUESTIONS, SINGLE

IMPORTS = "/question_bank/imports"
EXPORT = "/question_bank/export"
BANK = "/question_bank/questions"
GIFT = """// [tag:tombs]
::Who::Who's buried in Grant's tomb?{=no one#right ~Grant ~Jefferson}

Broken {=a

Grant is buried in Grant's tomb.{F}

Grant is buried in Grant's tomb.{F}
"""


def send(person: Person, content: bytes | str, format_: str = "gift", status: int = 201, **more: Any) -> Any:
    content = content.encode() if isinstance(content, str) else content
    form = {"format": format_, "module": "GRAMMAR", "level": "BEGINNER", **more}
    form["file"] = (io.BytesIO(content), f"questions.{format_}")
    return person.post(IMPORTS, data=form, status=status)


def test_good_questions_go_in_and_the_others_are_told_by_line(cast: Cast) -> None:
    admin = cast.north.admin

    tried = send(admin, GIFT, dry_run="true")
    before = admin.get(BANK)["items"]
    done = send(admin, GIFT)
    again = send(admin, GIFT)

    assert (tried["created"], tried["duplicates"], tried["ids"], before) == (2, 1, [], [])
    assert (done["created"], done["duplicates"], len(done["ids"])) == (2, 1, 2)
    assert [(one["line"], one["text"]) for one in done["rejected"]] == [(4, "Broken {=a")]
    assert done["repeated"] == [{"line": 8, "question_id": None, "first_line": 6}]
    assert (again["created"], again["duplicates"]) == (0, 3)
    made = admin.get(f"{BANK}/{done['ids'][0]}")
    assert (made["name"], made["tags"], made["module"]) == ("Who", ["tombs"], "GRAMMAR")
    assert made["feedback"] == {made["key"]["option"]: "right"}
    assert {one["id"] for one in admin.get(BANK)["items"]} == set(done["ids"])


def test_a_question_of_the_platform_is_a_duplicate_and_one_of_another_campus_is_not(cast: Cast) -> None:
    shared = send(cast.superadmin, "The platform's?{T}")["ids"]
    send(cast.south.admin, "South's?{T}")

    found = send(cast.north.admin, "The platform's?{T}\n\nSouth's?{T}")

    assert found["repeated"] == [{"line": 1, "question_id": shared[0], "first_line": None}]
    assert found["created"] == 1


def test_a_table_of_questions_goes_in_with_places_of_its_own(cast: Cast) -> None:
    table = (
        "Type,Question,Option A,Option B,Option C,Answer,Tolerance,Mark,Level,Tags,Explanation\n"
        ',"Which,\nreally?",one,two,three,B,,2,advanced,x; y,because\n'
        "multiple,Which two?,one,two,three,a; c,,,,,\n"
        ",Is it?,,,,true,,,,,\n"
        "numeric,How many?,,,,3.5,0.5,,,,\n"
        ",Who?,,,,Ada|Grace,,,,,\n"
        "essay,Write.,,,,,,,,,\n"
        ",Wrong?,one,two,,D,,,,,\n"
        ",Nowhere?,,,,true,,,MASTER,,\n"
        "riddle,What?,,,,x,,,,,\n"
    )

    found = send(cast.north.admin, table, "csv")

    assert (found["created"], found["duplicates"]) == (6, 0)
    assert [(one["line"], one["reason"].split(":")[0]) for one in found["rejected"]] == [
        (9, "The answer 'D' names none of the options."),
        (10, "level"),
        (11, "Tables hold no questions of the type 'riddle'."),
    ]
    made = [cast.north.admin.get(f"{BANK}/{one}") for one in found["ids"]]
    assert [one["type"] for one in made] == [
        "single",
        "multiple",
        "true_false",
        "numeric",
        "short_text",
        "essay",
    ]
    assert (made[0]["key"]["option"], made[0]["mark"], made[0]["level"]) == ("B", "2", "ADVANCED")
    assert made[0]["tags"] == ["x", "y"] and made[1]["key"]["options"] == ["A", "C"]


def test_a_workbook_of_questions_is_read_and_its_formulas_are_not_run(cast: Cast) -> None:
    book, out = Workbook(), io.BytesIO()
    sheet: Any = book.active
    for row in (
        ["Question", "A", "B", "Correct Answer"],
        ["Half of 3?", 1.5, 2, 1],
        ["Run?", "=1+1", "x", "A"],
    ):
        sheet.append(row)
    book.save(out)

    found = send(cast.north.admin, out.getvalue(), "xlsx")

    assert found["created"] == 1
    assert [(one["line"], "holds a formula" in one["reason"]) for one in found["rejected"]] == [(3, True)]
    made = cast.north.admin.get(f"{BANK}/{found['ids'][0]}")
    assert [option["text"] for option in made["body"]["options"]] == ["1.5", "2"]


def test_what_cannot_be_used_as_a_whole_is_refused(cast: Cast) -> None:
    admin = cast.north.admin
    for content, format_ in (
        (b"\x00\x01\x02\xff", "gift"),
        ("Name,Age\nAda,36\n", "csv"),
        ('Question,Answer\n"never closed', "csv"),
        (b"PK\x03\x04nonsense", "xlsx"),
        (b"", "csv"),
    ):
        told = send(admin, content, format_, 422)
        assert told["errors"][0]["pointer"] == "/file", content
    send(admin, GIFT, "aiken", 422)
    send(admin, GIFT, status=422, module="COOKING")
    send(admin, GIFT, status=422, campus_id=cast.south.id)
    assert admin.get(BANK)["items"] == []


def test_what_is_exported_comes_back_elsewhere(cast: Cast) -> None:
    for wanted in QUESTIONS.values():
        cast.north.admin.post(BANK, wanted)
    cast.north.admin.post(BANK, SINGLE | {"module": "READING", "stem": "Not this one"})

    gift = cast.north.admin.http.get(f"{EXPORT}?format=gift&module=GRAMMAR")
    table = cast.north.admin.http.get(f"{EXPORT}?format=csv&module=GRAMMAR")

    assert gift.headers["X-Left-Out"] == "6" and "attachment" in gift.headers["Content-Disposition"]
    assert "Not this one" not in gift.text
    assert send(cast.south.admin, gift.data)["created"] == 7
    assert table.headers["X-Left-Out"] == "10"  # of numbers with a range, and what has fractions
    back = send(cast.north.admin, table.data, "csv")
    assert (back["duplicates"], back["created"]) == (2, 1)  # the essay without its limits is another one
    cast.student(cast.north, "N-1").get(EXPORT, status=403)


def test_a_repeated_import_with_a_key_makes_nothing_new(cast: Cast) -> None:
    headers = {"Idempotency-Key": "once"}

    one, other = (
        cast.north.admin.post(
            IMPORTS,
            data={
                "format": "gift",
                "module": "GRAMMAR",
                "level": "BEGINNER",
                "file": (io.BytesIO(b"Is it?{T}"), "a"),
            },
            headers=headers,
        )
        for _ in range(2)
    )

    assert one == other and one["created"] == 1


def test_few_files_are_read_at_once(cast: Cast, runtime: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(importing, "PATIENCE_SECONDS", 0.01)
    seats = runtime.services.question_imports._seats
    taken = [seats.acquire(timeout=0) for _ in range(importing.SEATS)]

    send(cast.north.admin, "Is it?{T}", status=503)

    assert all(taken)
    for _ in taken:
        seats.release()
    assert send(cast.north.admin, "Is it?{T}")["created"] == 1
