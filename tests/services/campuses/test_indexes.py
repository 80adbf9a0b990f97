"""Every list of places walks an index in its order, whoever asks, and reads little more than it shows."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from config.permissions import Role
from main import Runtime
from models import Actor
from services.campuses.documents import (
    BATCHES,
    CAMPUSES,
    COURSES,
    INSTANCES,
    Batch,
    BatchCourseInstance,
    Campus,
    Course,
)
from services.campuses.schemas import InstanceQuery, PlaceQuery
from tests.services.students.roll import Profile
from utils.documents import new_id
from utils.paging import PageOf, PageQuery

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SITES, COURSES_EACH, BATCHES_EACH = 20, 40, 150
PAGE = 10


def named(campus_id: str, name: str) -> dict[str, Any]:
    return {
        "campus_id": campus_id,
        "name": name,
        "name_key": name.lower(),
        "created_at": NOW,
        "updated_at": NOW,
    }


class Platform:
    """Twenty campuses. Of the courses of each, the first is taken by every tenth batch."""

    def __init__(self, db: Any) -> None:
        self.campus_ids = [new_id() for _ in range(SITES)]
        self.course_ids: dict[str, list[str]] = {}
        self.batch_ids: dict[str, list[str]] = {}
        for number, campus_id in enumerate(self.campus_ids):
            code = {"code": f"C{number}", "code_key": f"c{number}"}
            where = {"timezone": "Asia/Kolkata", "country": "IN"}
            campus = Campus(id=campus_id, **named(campus_id, f"Campus {number % 7}"), **code, **where)
            db[CAMPUSES].insert_one(campus.to_mongo())
            self._teach(db, campus_id)

    def _teach(self, db: Any, campus_id: str) -> None:
        courses = [
            Course(**named(campus_id, f"Course {number % 9}"), code=f"K{number}", code_key=f"k{number}")
            for number in range(COURSES_EACH)
        ]
        ids = self.course_ids[campus_id] = [course.id for course in courses]
        batches, instances = [], []
        for number in range(BATCHES_EACH):
            taken = (ids[1 + number % 20], ids[21 + number % 10], *([ids[0]] if number % 10 == 0 else []))
            batch = Batch(**named(campus_id, f"Batch {number:03d}"), course_ids=taken)
            batches.append(batch)
            pair = {"campus_id": campus_id, "batch_id": batch.id, "created_at": NOW}
            instances += [BatchCourseInstance(**pair, course_id=course_id) for course_id in taken]
        self.batch_ids[campus_id] = [batch.id for batch in batches]
        for name, rows in ((COURSES, courses), (BATCHES, batches), (INSTANCES, instances)):
            db[name].insert_many([row.to_mongo() for row in rows])


@pytest.fixture
def platform(db: Any) -> Platform:
    return Platform(db)


def actor(role: Role, campus_id: str | None = None, *course_ids: str) -> Actor:
    return Actor("a", role, "A", "a", campus_id, course_ids)


def actors(platform: Platform) -> dict[str, Actor]:
    campus_id = platform.campus_ids[3]
    ids = platform.course_ids[campus_id]
    return {
        "superadmin": actor(Role.SUPERADMIN),
        "campus admin": actor(Role.CAMPUS_ADMIN, campus_id),
        "admin of one course": actor(Role.COURSE_ADMIN, campus_id, ids[0]),
        "admin of ten courses": actor(Role.COURSE_ADMIN, campus_id, *ids[:10]),
    }


def both_pages(find: Callable[[Any], PageOf[Any]], query: PageQuery) -> None:
    """Ask for the first page, and for the next one if there is one."""
    first = find(query)
    if first.next_cursor is not None:
        find(query.model_copy(update={"cursor": first.next_cursor}))


def queries(collection: str, platform: Platform, campus_id: str) -> Iterator[PageQuery]:
    """Every combination of order and filters of one list."""
    batch_id, course_id = platform.batch_ids[campus_id][0], platform.course_ids[campus_id][0]
    if collection == CAMPUSES:
        yield from (PageQuery(limit=PAGE, sort=sort) for sort in ("name", "-name"))
    elif collection == INSTANCES:
        for sort, campus, batch, course in product(
            ("id", "-id"), (None, campus_id), (None, batch_id), (None, course_id)
        ):
            wanted = {"campus_id": campus, "batch_id": batch, "course_id": course}
            yield InstanceQuery(limit=PAGE, sort=sort, **wanted)
    else:
        for sort, campus in product(("name", "-name"), (None, campus_id)):
            yield PlaceQuery(limit=PAGE, sort=sort, campus_id=campus)


@pytest.mark.parametrize("who", ["superadmin", "campus admin", "admin of one course", "admin of ten courses"])
def test_no_list_of_places_sorts_in_memory_or_reads_much_more_than_it_shows(
    runtime: Runtime, platform: Platform, db: Any, who: str
) -> None:
    services, asking = runtime.services, actors(platform)[who]
    campus_id = platform.campus_ids[3]
    lists: dict[str, Callable[[Any], PageOf[Any]]] = {
        CAMPUSES: lambda query: services.campuses.list_campuses(query, asking),
        COURSES: lambda query: services.courses.list_courses(query, asking),
        BATCHES: lambda query: services.batches.list_batches(query, asking),
        INSTANCES: lambda query: services.batches.list_instances(query, asking),
    }
    for collection, find in lists.items():
        with Profile(db, collection) as profile:
            for query in queries(collection, platform, campus_id):
                both_pages(find, query)
            reads = profile.read()
        assert reads
        for read in reads:
            case = (read["planSummary"], read["docsExamined"], read["command"])
            assert read["planSummary"].startswith("IXSCAN"), case
            by_id = collection == COURSES and asking.course_ids  # only the own ones are read and sorted
            assert by_id or not read.get("hasSortStage"), case
            assert read["docsExamined"] <= 4 * (PAGE + 1), case


@pytest.mark.parametrize("limit", [1, 50, 200])
def test_a_page_of_any_length_is_one_command(
    runtime: Runtime, platform: Platform, db: Any, limit: int
) -> None:
    asking, services = actor(Role.SUPERADMIN), runtime.services

    with Profile(db, COURSES):
        page = services.courses.list_courses(PlaceQuery(limit=limit), asking)
        asked = db["system.profile"].count_documents({"command.comment": asking.scope.label})

    assert (len(page.items), asked) == (limit, 1)
