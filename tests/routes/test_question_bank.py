"""Questions through the front door: made, listed, edited as versions, retired, removed; and modules."""

from typing import Any

from bson import Decimal128

from tests.cast import Cast, Person
from tests.questions import QUESTIONS, SINGLE, question

BANK = "/question_bank/questions"


def ids(page: Any) -> list[str]:
    return [item["id"] for item in page["items"]]


def make(person: Person, **more: Any) -> Any:
    return person.post(BANK, SINGLE | more)


def test_every_type_is_made_and_read_as_it_was_written(cast: Cast) -> None:
    for kind, wanted in QUESTIONS.items():
        made = cast.north.admin.post(BANK, wanted)

        read = cast.north.admin.get(f"{BANK}/{made['id']}")

        assert read == made, kind
        assert (made["type"], made["version"], made["campus_id"]) == (kind, 1, cast.north.id)
        assert made["explanation"] == wanted["explanation"]


def test_marks_are_decimals_in_the_database_and_strings_outside(cast: Cast, db: Any) -> None:
    made = make(cast.north.admin, mark="2.50")

    assert made["mark"] == "2.5"
    assert db.question_versions.find_one({"question_id": made["id"]})["mark"] == Decimal128("2.5")


def test_keys_lie_in_a_collection_of_their_own(cast: Cast, db: Any) -> None:
    made = make(cast.north.admin, key={"option": "c"}, explanation="because of the canary")

    for name in ("questions", "question_versions"):
        [row] = db[name].find()
        assert "canary" not in str(row) and "key" not in str(row)
    assert db.answer_keys.find_one({"_id": f"{made['id']}:1"})["content"]["key"]["option"] == "c"


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"type": "riddle"}, ""),
    ({"stem": "  "}, "/stem"),
    ({"body": {"options": SINGLE["body"]["options"][:1]}}, "/body/options"),
    ({"key": {"option": "z"}}, ""),
    ({"key": {"fractions": {"a": "0.5"}}}, "/key"),
    ({"key": {}}, "/key"),
    ({"mark": 1.5}, "/mark"),
    ({"mark": "0"}, "/mark"),
    ({"mark": "NaN"}, "/mark"),
    ({"scoring": {"rule": "guess"}}, "/scoring/rule"),
    ({"module": "COOKING"}, "/module"),
    ({"level": "MASTER"}, "/level"),
    ({"topic": "ROMANCE"}, "/topic"),
    ({"status": "retired"}, "/status"),
    ({"id": "1"}, "/id"),
    ({"campus_id": "nobody"}, "/campus_id"),
    ({"media": ["nothing"]}, "/media"),
    ({"usage_count": 3}, "/usage_count"),
)


def test_a_wrong_key_of_a_blank_is_refused_once_and_where_it_is(cast: Cast) -> None:
    good = QUESTIONS["cloze"]["key"]["blanks"]
    for wrong, place in (({"answers": []}, "/answers"), ({"value": "x"}, "/value"), ({}, "")):
        sent = {**QUESTIONS["cloze"], "key": {"blanks": {**good, "2": wrong}}}

        told = cast.north.admin.post(BANK, sent, status=422)

        assert [error["pointer"] for error in told["errors"]] == [f"/key/blanks/2{place}"]


def test_what_makes_no_question_is_refused_by_pointer(cast: Cast) -> None:
    for change, pointer in REFUSED:
        told = cast.superadmin.post(BANK, SINGLE | change, status=422)

        assert [error["pointer"] for error in told["errors"]] == [pointer], change


def test_a_stem_holds_no_html(cast: Cast) -> None:
    made = make(cast.north.admin, stem="**Which** <script>alert(1)</script> `List<int>` [x](javascript:a)?")

    assert "<script" not in made["stem"] and "`List<int>`" in made["stem"]
    assert made["stem_html"].startswith("<p><strong>Which</strong> &lt;script&gt;")
    assert "href" not in made["stem_html"]


def test_a_campus_reads_the_platforms_questions_and_changes_its_own(cast: Cast) -> None:
    shared, own, theirs = make(cast.superadmin), make(cast.north.admin), make(cast.south.admin)
    admin = cast.north.admin

    assert shared["campus_id"] is None
    assert ids(admin.get(BANK)) == [own["id"], shared["id"]]
    assert admin.get(f"{BANK}/{shared['id']}")["key"]["option"] == "b"
    for path in (f"{BANK}/{theirs['id']}", f"{BANK}/{theirs['id']}/versions", f"{BANK}/{theirs['id']}/paper"):
        admin.get(path, status=404)
    admin.put(f"{BANK}/{theirs['id']}", SINGLE, status=404)
    for answer in (
        admin.put(f"{BANK}/{shared['id']}", SINGLE, status=403),
        admin.post(f"{BANK}/{shared['id']}/retire", status=403),
    ):
        assert answer["type"] == "/problems/question-not-yours"
    admin.delete(f"{BANK}/{shared['id']}", status=403)
    admin.delete(f"{BANK}/{own['id']}")
    admin.post(BANK, SINGLE | {"campus_id": cast.south.id}, status=422)


def test_a_course_admin_reads_and_a_student_does_not(cast: Cast) -> None:
    own = make(cast.north.admin)
    course = cast.admin("tutor", "course_admin", cast.north.id, course_ids=[cast.north.course_ids[0]])
    student = cast.student(cast.north, "N-1")

    assert ids(course.get(BANK)) == [own["id"]]
    course.post(BANK, SINGLE, status=403)
    for path in (BANK, f"{BANK}/{own['id']}", f"{BANK}/{own['id']}/paper", "/question_bank/modules"):
        student.get(path, status=403)


def test_a_change_is_a_new_version_and_the_old_one_stays(cast: Cast) -> None:
    admin, made = cast.north.admin, make(cast.north.admin)

    changed = admin.put(f"{BANK}/{made['id']}", SINGLE | {"stem": "And now?", "key": {"option": "c"}})

    assert (changed["version"], changed["key"]["option"], changed["stem"]) == (2, "c", "And now?")
    versions = admin.get(f"{BANK}/{made['id']}/versions")["items"]
    assert [(one["number"], one["stem"]) for one in versions] == [(2, "And now?"), (1, SINGLE["stem"])]
    first = admin.get(f"{BANK}/{made['id']}/versions/1")
    assert (first["key"]["option"], first["stem"]) == ("b", SINGLE["stem"])
    admin.get(f"{BANK}/{made['id']}/versions/3", status=404)


def test_a_change_of_what_somebody_else_has_changed_is_refused(cast: Cast) -> None:
    admin, made = cast.north.admin, make(cast.north.admin)
    admin.put(f"{BANK}/{made['id']}", SINGLE, headers={"If-Match": '"r1"'})

    admin.put(f"{BANK}/{made['id']}", SINGLE | {"stem": "Late"}, status=412, headers={"If-Match": '"r1"'})

    assert admin.get(f"{BANK}/{made['id']}")["version"] == 2


def test_a_retired_question_stays_readable_and_takes_no_new_version(cast: Cast) -> None:
    admin, made = cast.north.admin, make(cast.north.admin)

    retired = admin.post(f"{BANK}/{made['id']}/retire", status=200)
    again = admin.post(f"{BANK}/{made['id']}/retire", status=200)

    assert retired["status"] == "retired" and again == retired
    assert ids(admin.get(f"{BANK}?status=live")) == []
    told = admin.put(f"{BANK}/{made['id']}", SINGLE, status=409)
    assert told["type"] == "/problems/question-is-retired"


def test_a_used_question_is_not_removed(cast: Cast, db: Any) -> None:
    admin, used, unused = cast.north.admin, make(cast.north.admin), make(cast.north.admin, stem="Unused")
    db.questions.update_one({"_id": used["id"]}, {"$inc": {"usage_count": 1}})

    told = admin.delete(f"{BANK}/{used['id']}", status=409)
    admin.delete(f"{BANK}/{unused['id']}")

    assert told["type"] == "/problems/question-in-use"
    for name in ("question_versions", "answer_keys"):
        assert {row["question_id"] for row in db[name].find()} == {used["id"]}
    cast.superadmin.delete(f"/campus_management/campuses/{cast.north.id}", status=409)


def test_a_list_is_narrowed_searched_and_paged(cast: Cast) -> None:
    admin = cast.north.admin
    noun = make(admin, topic="NOUN", tags=["Spring", "hard one"], stem="The élan of the mouse")
    verb = make(admin, topic="VERB", level="ADVANCED", difficulty="hard", name="Running")
    other = admin.post(BANK, QUESTIONS["numeric"] | {"module": "APTITUDE", "status": "draft"})

    def found(query: str) -> list[str]:
        return ids(admin.get(f"{BANK}?{query}"))

    assert found("") == found("sort=-created_at") == [other["id"], verb["id"], noun["id"]]
    assert found("sort=created_at") == [noun["id"], verb["id"], other["id"]]
    for query, wanted in {
        "module=GRAMMAR&level=ADVANCED": verb,
        "level=ADVANCED": verb,
        "topic=NOUN": noun,
        "type=numeric": other,
        "module=APTITUDE": other,
        "tag=hard%20one": noun,
        "status=draft": other,
        "difficulty=hard": verb,
        "search=elan%20Mouse": noun,
        "search=running": verb,
        "search=spring&topic=NOUN": noun,
    }.items():
        assert found(query) == [wanted["id"]], query
        assert ids(cast.superadmin.get(f"{BANK}?{query}")) == [wanted["id"]], query
    page = admin.get(f"{BANK}?module=GRAMMAR&limit=1")
    assert ids(admin.get(f"{BANK}?module=GRAMMAR&limit=1&cursor={page['next_cursor']}")) == [noun["id"]]
    admin.get(f"{BANK}?search=%3F%3F", status=422)
    admin.get(f"{BANK}?sort=stem", status=422)


def test_a_list_shows_nothing_of_what_is_right(cast: Cast) -> None:
    make(cast.north.admin)

    [row] = cast.north.admin.get(BANK)["items"]

    assert not row.keys() & {"key", "explanation", "feedback", "scoring", "digest"}


def test_equal_questions_know_of_each_other_within_what_one_sees(cast: Cast) -> None:
    shared, theirs = make(cast.superadmin), make(cast.south.admin)
    again = make(cast.north.admin, stem=f"  {SINGLE['stem'].upper()}  ")
    other_key = make(cast.north.admin, key={"option": "a"})

    assert again["duplicate_ids"] == [shared["id"]]
    assert other_key["duplicate_ids"] == []
    assert cast.south.admin.get(f"{BANK}/{theirs['id']}")["duplicate_ids"] == [shared["id"]]


def test_modules_ship_and_can_be_edited_by_the_platform(cast: Cast) -> None:
    modules = cast.north.admin.get("/question_bank/modules")["items"]

    assert [one["key"] for one in modules[:2]] == ["GRAMMAR", "VOCABULARY"] and len(modules) == 9
    assert modules[0]["topics"][0] == "NOUN" and len(modules[0]["topics"]) == 12
    assert modules[0]["levels"] == ["BEGINNER", "INTERMEDIATE", "ADVANCED"]
    wanted = {"name": "Cooking", "levels": ["STARTER", "MAIN"]}
    cast.north.admin.put("/question_bank/modules/COOKING", wanted, status=403)
    made = cast.superadmin.put("/question_bank/modules/COOKING", wanted)
    assert (made["position"], made["revision"]) == (9, 1)
    changed = cast.superadmin.put(
        "/question_bank/modules/COOKING", wanted | {"levels": ["MAIN"]}, headers={"If-Match": '"r1"'}
    )
    assert changed["revision"] == 2
    cast.superadmin.put("/question_bank/modules/COOKING", wanted, status=412, headers={"If-Match": '"r1"'})
    make(cast.north.admin, module="COOKING", level="MAIN")
    cast.north.admin.get("/question_bank/modules/BAKING", status=404)
    cast.superadmin.put("/question_bank/modules/no-key", wanted, status=422)


def test_what_is_done_is_on_record(cast: Cast, db: Any) -> None:
    admin, made = cast.north.admin, make(cast.north.admin)
    admin.put(f"{BANK}/{made['id']}", SINGLE)
    admin.post(f"{BANK}/{made['id']}/retire", status=200)
    admin.delete(f"{BANK}/{made['id']}")

    rows = [row for row in db.audit.find() if row["target"] == f"question:{made['id']}"]
    assert [row["action"] for row in rows] == [
        "question.created",
        "question.changed",
        "question.retired",
        "question.deleted",
    ]


def test_a_set_holds_questions_of_other_types_only(cast: Cast) -> None:
    inner = {"type": "passage_set", "stem": "In", "body": {"passage": "x", "children": []}}
    told = cast.north.admin.post(
        BANK, question("passage_set", {"passage": "Out", "children": [inner]}, None), status=422
    )

    assert told["errors"][0]["pointer"] == "/body/children/0"


def test_an_answer_is_tried_with_the_name_of_its_rule_feedback_and_review(cast: Cast) -> None:
    admin, shared = cast.north.admin, make(cast.superadmin, mark="3", scoring={"rule": "formula"})
    path = f"{BANK}/{shared['id']}/preview"

    right = admin.post(path, {"response": {"option": "b"}}, status=200)
    wrong = admin.post(path, {"response": {"option": "a"}}, status=200)
    blank = admin.post(path, {"response": {}}, status=200)

    assert (right["rule"], right["fraction"], right["mark"], right["max_mark"]) == ("formula", "1", "3", "3")
    assert (wrong["fraction"], wrong["mark"]) == ("-0.3333333", "-1")
    assert wrong["feedback"] == [SINGLE["feedback"]["a"]]
    assert (blank["blank"], blank["mark"], blank["feedback"]) == (True, "0", [])
    assert right["review"]["key"]["option"] == "b"
    told = admin.post(path, {"response": {"option": "z"}}, status=422)
    assert told["errors"][0]["pointer"] == "/response/option"


def test_what_somebody_else_finds_out_can_be_tried_too(cast: Cast) -> None:
    admin = cast.north.admin
    spoken, code, essay, number = (
        admin.post(BANK, QUESTIONS[one]) for one in ("spoken", "code", "essay", "numeric")
    )

    def tried(made: Any, response: Any, status: int = 200, **more: Any) -> Any:
        return admin.post(f"{BANK}/{made['id']}/preview", {"response": response, **more}, status=status)

    assert tried(spoken, {"file_id": "f"}, transcript="key heard")["mark"] == "1"
    assert tried(essay, {"text": "Words"})["mark"] is None
    source = {"language": "python", "source": "print(1)"}
    verdicts = [{"verdict": "WA"}, {"verdict": "AC", "slow": True}]
    assert tried(code, source, verdicts=verdicts)["fraction"] == "0.5"
    tried(code, source, 422, verdicts=verdicts[:1])
    assert tried(number, {"value": "987654,3"})["mark"] == "0"
    assert tried(number, {"value": "987654,3"}, decimal_comma=True)["mark"] == "1"


def test_a_pool_gives_unused_questions_first_and_no_two_that_look_equal(cast: Cast, runtime: Any) -> None:
    shared, own = make(cast.superadmin, stem="Shared"), make(cast.north.admin, stem="Own", tags=["x"])
    make(cast.north.admin, stem="Own", key={"option": "c"})
    make(cast.north.admin, stem="Draft", status="draft")
    make(cast.south.admin, stem="South's")
    selection = runtime.services.question_selection
    used = [
        one for one in selection.candidates(cast.north.id, "GRAMMAR", "BEGINNER") if one.id == shared["id"]
    ]

    def pool(person: Person, more: str = "") -> tuple[int, list[str]]:
        found = person.get(f"/question_bank/pool?module=GRAMMAR&level=BEGINNER{more}")
        return found["available"], ids(found)

    assert pool(cast.north.admin) == (2, [shared["id"], own["id"]])
    runtime.store.atomically(lambda: selection.count_use(used))
    assert pool(cast.north.admin) == (2, [own["id"], shared["id"]])
    for _ in range(2):
        selection.count_use(used)
    assert pool(cast.north.admin) == (1, [own["id"], shared["id"]])
    assert pool(cast.north.admin, "&tag=x&pick=1") == (1, [own["id"]])
    assert pool(cast.superadmin) == (0, [shared["id"]])
    assert pool(cast.superadmin, f"&campus_id={cast.north.id}")[1] == [own["id"], shared["id"]]
    assert selection.candidates(cast.north.id, "GRAMMAR", "BEGINNER", (), {used[0].face}) != []
    cast.north.admin.get(
        f"/question_bank/pool?module=GRAMMAR&level=BEGINNER&campus_id={cast.south.id}", status=422
    )
    cast.superadmin.delete(f"{BANK}/{shared['id']}", status=409)
