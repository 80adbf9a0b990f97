"""Tests through the front door: planned, published, changed, cloned, cancelled, put away."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.cast import Cast
from tests.exams import TESTS, ask, exam, plan, practice, publish, window
from tests.questions import CANARY, QUESTIONS


def pointers(told: Any) -> list[str]:
    return [error["pointer"] for error in told["errors"]]


def test_a_test_is_planned_and_read_as_it_was_written(cast: Cast) -> None:
    north = cast.north
    wanted = plan(
        north,
        ask(north.admin),
        course_ids=[north.course_ids[0]],
        batch_ids=[north.batch_id],
        shuffle_questions=True,
        scoring={"negative": "0.25", "floor": "0"},
        review={"feedback": "none"},
    )

    made = north.admin.post(TESTS, wanted)

    assert north.admin.get(f"{TESTS}/{made['id']}") == made
    assert (made["state"], made["blueprint"], made["revision"]) == ("draft", [], 1)
    assert made["scoring"] == {"negative": "0.25", "floor": "0", "decimal_comma": False}
    assert [one["id"] for one in north.admin.get(TESTS)["items"]] == [made["id"]]


def test_a_test_may_be_of_a_whole_module(cast: Cast) -> None:
    north = cast.north
    questions = ask(north.admin, ["single"])

    made = north.admin.post(TESTS, plan(north, questions) | {"module": "GRAMMAR"})

    assert (made["module"], made["level"], made["topic"]) == ("GRAMMAR", None, None)


def test_what_makes_no_test_is_refused_by_pointer(cast: Cast) -> None:
    north, south = cast.north, cast.south
    [question] = ask(north.admin, ["single"])
    [foreign] = ask(south.admin, ["single"])
    good = plan(north, [question])
    slot = {"question_id": question}
    pool = {"module": "GRAMMAR", "level": "BEGINNER", "pick": 2}
    refused: list[tuple[dict[str, Any], str]] = [
        ({"name": "  "}, "/name"),
        ({"kind": "exam"}, "/kind"),
        ({"duration_minutes": 0}, "/duration_minutes"),
        ({"attempts_allowed": 0}, "/attempts_allowed"),
        ({"window_end_at": None}, "/window_end_at"),
        ({"window_end_at": good["window_start_at"]}, "/window_end_at"),
        ({"window_start_at": "2026-01-01T10:00:00"}, "/window_start_at"),
        ({"kind": "practice"}, "/window_start_at"),
        ({"level": "BEGINNER"}, "/level"),
        ({"module": "COOKING", "level": "BEGINNER"}, "/module"),
        ({"campus_id": south.id}, "/campus_id"),
        ({"course_ids": [south.course_ids[0]]}, "/course_ids"),
        ({"batch_ids": [south.batch_id]}, "/batch_ids"),
        ({"student_ids": ["nobody"]}, "/student_ids"),
        ({"scoring": {"negative": "2"}}, "/scoring/negative"),
        ({"state": "published"}, "/state"),
        ({"sections": [{"title": "A", "slots": [{}]}]}, "/sections/0/slots/0"),
        ({"sections": [{"title": "A", "slots": [slot, slot]}]}, "/sections/0/slots/1/question_id"),
        (
            {"sections": [{"title": "A", "slots": [{"question_id": foreign}]}]},
            "/sections/0/slots/0/question_id",
        ),
        (
            {"sections": [{"title": "A", "slots": [{"pool": pool | {"level": "MASTER"}}]}]},
            "/sections/0/slots/0/pool/level",
        ),
    ]
    for change, pointer in refused:
        assert pointers(north.admin.post(TESTS, good | change, status=422)) == [pointer], change


def test_publishing_pins_versions_and_writes_a_paper_without_a_key(cast: Cast, db: Any) -> None:
    north = cast.north
    question_ids = ask(north.admin, QUESTIONS)

    test = publish(north.admin, plan(north, question_ids))

    [section] = test["blueprint"]
    assert [slot["question_id"] for slot in section["slots"]] == question_ids
    assert [slot["slot"] for slot in section["slots"]] == [str(n) for n in range(1, len(QUESTIONS) + 1)]
    assert (test["state"], test["revision"]) == ("open", 2)
    paper = db.test_papers.find_one({"_id": test["id"]})
    assert [slot["type"] for slot in paper["sections"][0]["slots"]] == list(QUESTIONS)
    assert CANARY not in str(paper) and "Decimal128" not in str(paper)
    assert {row["usage_count"] for row in db.questions.find()} == {1}


def test_a_question_edited_later_stays_as_it_was_published(cast: Cast, db: Any) -> None:
    north = cast.north
    [question] = ask(north.admin, ["single"])
    test = publish(north.admin, plan(north, [question]))

    north.admin.put(f"/question_bank/questions/{question}", QUESTIONS["single"] | {"stem": "New?"})

    assert north.admin.get(f"{TESTS}/{test['id']}")["blueprint"][0]["slots"][0]["version"] == 1
    [section] = db.test_papers.find_one({"_id": test["id"]})["sections"]
    assert section["slots"][0]["stem"] == "Question 1, single?"
    north.admin.delete(f"/question_bank/questions/{question}", status=409)


def test_a_pool_gives_unused_questions_first_and_no_two_that_look_equal(cast: Cast, db: Any) -> None:
    north = cast.north
    used = ask(north.admin, ["single", "multiple"])
    publish(north.admin, plan(north, used))
    fresh = ask(north.admin, ["numeric", "true_false"], tags=["pool"])
    ask(north.admin, ["numeric"], tags=["pool"])  # looks like the first
    pool = {"module": "GRAMMAR", "level": "BEGINNER", "pick": 3}
    sections = [{"title": "A", "slots": [{"question_id": fresh[1]}, {"pool": pool}]}]

    test = publish(north.admin, plan(north, [], sections=sections))

    asked = [slot["question_id"] for slot in test["blueprint"][0]["slots"]]
    assert asked[:2] == [fresh[1], fresh[0]]
    assert sorted(asked[2:]) == sorted(used)
    assert db.questions.find_one({"_id": fresh[0]})["usage_count"] == 1


def test_a_pool_can_be_narrowed_to_tags(cast: Cast) -> None:
    north = cast.north
    ask(north.admin, ["single"])
    tagged = ask(north.admin, ["multiple", "numeric"], tags=["june", "hard"])
    pool = {"module": "GRAMMAR", "level": "BEGINNER", "tags": ["june", "july"], "pick": 2}

    test = publish(north.admin, plan(north, [], sections=[{"title": "A", "slots": [{"pool": pool}]}]))

    assert sorted(slot["question_id"] for slot in test["blueprint"][0]["slots"]) == sorted(tagged)


def test_what_cannot_be_published_says_why_and_stays_a_draft(cast: Cast, db: Any) -> None:
    north = cast.north
    gone, retired, twin = ask(north.admin, ["single", "multiple", "numeric"])
    [other] = ask(north.admin, ["numeric"], stem="Question 3, numeric?")
    pool = {"module": "READING", "level": "BEGINNER", "pick": 1}
    slots = [{"question_id": one} for one in (gone, retired, twin, other)] + [{"pool": pool}]
    made = north.admin.post(TESTS, plan(north, [], sections=[{"title": "A", "slots": slots}]))
    north.admin.delete(f"/question_bank/questions/{gone}")
    north.admin.post(f"/question_bank/questions/{retired}/retire", status=200)

    told = north.admin.post(f"{TESTS}/{made['id']}/publish", status=409)

    assert told["type"] == "/problems/assessment-not-ready"
    assert pointers(told) == [f"/sections/0/slots/{n}" for n in (0, 1, 3, 4)]
    assert north.admin.get(f"{TESTS}/{made['id']}") == made
    assert db.test_papers.count_documents({}) == 0


def test_nothing_is_published_twice_or_after_its_window(cast: Cast) -> None:
    north = cast.north
    test = exam(north)
    late = north.admin.post(TESTS, plan(north, ask(north.admin, ["essay"])) | window(-1))

    again = north.admin.post(f"{TESTS}/{test['id']}/publish", status=409)
    over = north.admin.post(f"{TESTS}/{late['id']}/publish", status=409)

    assert again["type"] == "/problems/assessment-is-no-draft"
    assert pointers(over) == ["/window_end_at"]


def test_a_published_test_keeps_what_it_asks_and_may_move_its_window(cast: Cast) -> None:
    north = cast.north
    test = exam(north)
    path, later = f"{TESTS}/{test['id']}", window(7200)["window_end_at"]

    told = north.admin.patch(path, {"sections": [], "shuffle_options": True}, status=409)
    moved = north.admin.patch(path, {"window_end_at": later, "duration_minutes": 90, "name": "Later"})

    assert told["fields"] == ["sections", "shuffle_options"]
    assert (moved["duration_minutes"], moved["name"], moved["revision"]) == (90, "Later", 3)
    assert moved["blueprint"] == test["blueprint"]
    assert pointers(north.admin.patch(path, {"attempts_allowed": None}, status=422)) == ["/attempts_allowed"]


def test_a_draft_changes_as_a_whole_or_not_at_all(cast: Cast) -> None:
    north = cast.north
    made = north.admin.post(TESTS, plan(north, ask(north.admin, ["single"])))
    path = f"{TESTS}/{made['id']}"
    etag = north.admin.http.get(path).headers["ETag"]

    north.admin.patch(path, {"name": None}, status=422)
    north.admin.patch(path, {"name": "New", "window_end_at": made["window_start_at"]}, status=422)
    assert north.admin.get(path) == made
    changed = north.admin.patch(path, {"name": "New"}, headers={"If-Match": etag})

    assert changed | {"updated_at": None} == made | {"name": "New", "revision": 2, "updated_at": None}
    assert north.admin.patch(path, {"name": "New"})["revision"] == 2
    north.admin.patch(path, {"name": "Newer"}, status=412, headers={"If-Match": etag})


def test_a_clone_is_a_draft_that_plans_the_same(cast: Cast) -> None:
    north = cast.north
    test = exam(north)

    copy = north.admin.post(f"{TESTS}/{test['id']}/clone")
    named = north.admin.post(f"{TESTS}/{test['id']}/clone", {"name": "Autumn exam"})

    assert (copy["name"], copy["state"], copy["blueprint"]) == ("Copy of Spring exam", "draft", [])
    assert copy["sections"] == test["sections"] and named["name"] == "Autumn exam"


def test_only_drafts_are_removed_and_only_what_is_over_is_archived(cast: Cast) -> None:
    north = cast.north
    test, draft = exam(north), north.admin.post(TESTS, plan(north, []))
    path = f"{TESTS}/{test['id']}"

    north.admin.delete(f"{TESTS}/{draft['id']}")
    north.admin.get(f"{TESTS}/{draft['id']}", status=404)
    assert north.admin.delete(path, status=409)["type"] == "/problems/assessment-is-no-draft"
    assert north.admin.post(f"{path}/archive", status=409)["type"] == "/problems/assessment-still-runs"
    assert north.admin.post(f"{path}/cancel", status=200)["state"] == "cancelled"
    assert north.admin.post(f"{path}/cancel", status=200)["revision"] == 3
    assert north.admin.post(f"{path}/archive", status=200)["state"] == "archived"
    assert north.admin.post(f"{path}/cancel", status=409)["type"] == "/problems/assessment-is-over"
    assert north.admin.patch(path, {"name": "New"}, status=409)["type"] == "/problems/assessment-is-over"


def test_a_course_admin_makes_tests_for_own_courses_and_leaves_others_alone(cast: Cast) -> None:
    north = cast.north
    first, second = north.course_ids
    admin = cast.admin("cse", "course_admin", north.id, course_ids=[first])
    question_ids = ask(north.admin, ["single"])

    own = admin.post(TESTS, plan(north, question_ids, course_ids=[first]))
    shared = north.admin.post(TESTS, plan(north, question_ids, course_ids=[first, second]))
    north.admin.post(TESTS, plan(north, question_ids, course_ids=[second]))
    north.admin.post(TESTS, plan(north, question_ids))

    assert [one["id"] for one in admin.get(TESTS)["items"]] == [shared["id"], own["id"]]
    for courses in ([], [second], [first, second]):
        told = admin.post(TESTS, plan(north, question_ids, course_ids=courses), status=422)
        assert pointers(told) == ["/course_ids"]
    told = admin.post(f"{TESTS}/{shared['id']}/publish", status=403)
    assert told["type"] == "/problems/not-only-yours"


@pytest.mark.parametrize(
    "query", ["campus_id={campus}", "course_id={course}", "batch_id={batch}", "kind=online"]
)
def test_a_list_is_narrowed(cast: Cast, query: str) -> None:
    north = cast.north
    wanted = plan(north, [], course_ids=[north.course_ids[0]], batch_ids=[north.batch_id])
    made = north.admin.post(TESTS, wanted)
    cast.south.admin.post(TESTS, practice(cast.south, []))
    ids = {"campus": north.id, "course": north.course_ids[0], "batch": north.batch_id}

    page = cast.superadmin.get(f"{TESTS}?{query.format(**ids)}")

    assert [one["id"] for one in page["items"]] == [made["id"]]


def test_a_place_that_a_test_names_is_not_removed(cast: Cast) -> None:
    north = cast.north
    batch = {"campus_id": north.id, "name": "Empty", "course_ids": [north.course_ids[1]]}
    batch_id = north.admin.post("/batch_management/batches", batch)["id"]
    north.admin.post(TESTS, plan(north, [], batch_ids=[batch_id]))

    told = north.admin.delete(f"/batch_management/batches/{batch_id}", status=409)

    assert told["counts"] == {"tests": 1}


def test_however_many_publish_at_once_it_happens_once(cast: Cast, db: Any) -> None:
    north = cast.north
    asked = ask(north.admin, ["single", "multiple"], tags=["pool"])
    pool = {"module": "GRAMMAR", "level": "BEGINNER", "pick": 2}
    made = north.admin.post(TESTS, plan(north, [], sections=[{"title": "A", "slots": [{"pool": pool}]}]))
    path, together = f"{TESTS}/{made['id']}/publish", Barrier(6)

    def publish_it(_: int) -> int:
        together.wait()
        headers = {"Authorization": f"Bearer {north.admin.token}"}
        return north.admin.http.application.test_client().post(path, headers=headers).status_code

    with ThreadPoolExecutor(6) as threads:
        statuses = sorted(threads.map(publish_it, range(6)))

    assert statuses[0] == 200 and set(statuses[1:]) <= {409, 412}
    assert db.test_papers.count_documents({"campus_id": north.id}) == 1
    assert {db.questions.find_one({"_id": one})["usage_count"] for one in asked} == {1}
    assert db.audit.count_documents({"action": "test.published", "campus_id": north.id}) == 1
