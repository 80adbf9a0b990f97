"""/audit: who sees what of the log, in which order, and what leaves as a file."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from main import Runtime
from services.audit.export import read
from tests.cast import Cast

AUDIT = "/audit"


@pytest.fixture
def sealed(runtime: Runtime) -> Callable[[str | None], None]:
    """Call it to wait until all rows of a chain are sealed."""

    def wait(campus_id: str | None) -> None:
        while runtime.audits.verifier.check(campus_id).waiting:
            runtime.audits.sealer.tick()

    return wait


def exported(person: Any, query: str = "") -> str:
    reply = person.http.get(f"{AUDIT}/export.csv{query}")
    assert reply.status_code == 200, reply.get_data(as_text=True)
    assert reply.mimetype == "text/csv"
    return str(reply.get_data(as_text=True))


def test_an_admin_reads_what_happened_at_their_campus_newest_first(cast: Cast) -> None:
    north, south = cast.north, cast.south

    rows = north.admin.get(AUDIT)["items"]

    assert {row["campus_id"] for row in rows} == {north.id}
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    created = next(row for row in rows if row["action"] == "campus.created")
    assert (created["actor_id"], created["target"]) == (cast.superadmin.id, f"campus:{north.id}")
    assert north.admin.get(f"{AUDIT}?campus_id={south.id}")["items"] == []
    assert {north.id, south.id, None} >= {row["campus_id"] for row in cast.superadmin.get(AUDIT)["items"]}


def test_the_log_says_who_somebody_is_as_far_as_one_sees_them(cast: Cast) -> None:
    campus, boss = cast.north, cast.superadmin
    campus.admin.post("/course_management/courses", {"campus_id": campus.id, "name": "Maths", "code": "MAT"})
    by_admin = f"{AUDIT}?actor_id={campus.admin.id}&action=course.created"

    assert campus.admin.get(by_admin)["items"][0]["actor_name"] == "Admin north.admin"
    assert boss.get(by_admin)["items"][0]["actor_name"] == "Admin north.admin"
    by_boss = campus.admin.get(f"{AUDIT}?actor_id={boss.id}")["items"]
    assert {row["actor_name"] for row in by_boss} == {None}


@pytest.mark.parametrize(
    "filters", ["", "&action=course.created", "&actor_id={actor}", "&campus_id={campus}"]
)
def test_pages_hold_every_row_once(cast: Cast, filters: str) -> None:
    named = filters.format(actor=cast.superadmin.id, campus=cast.north.id)
    whole = cast.superadmin.get(f"{AUDIT}?limit=200{named}")["items"]
    shown, cursor = [], ""
    while True:
        page = cast.superadmin.get(f"{AUDIT}?limit=2{named}{cursor}")
        shown += [row["id"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert len(whole) > 2 or filters.startswith("&action")
    assert shown == [row["id"] for row in whole]


def test_filters_narrow_together(cast: Cast) -> None:
    north, boss = cast.north, cast.superadmin
    target = f"course:{north.course_ids[0]}"
    [row] = boss.get(f"{AUDIT}?target={target}&action=course.created&campus_id={north.id}")["items"]
    after = datetime.fromisoformat(row["at"]) + timedelta(seconds=1)

    assert row["target"] == target
    for query, found in (("from", 0), ("until", 1)):
        moment = after.astimezone(UTC).isoformat().replace("+00:00", "Z")
        assert len(boss.get(f"{AUDIT}?target={target}&{query}={moment}")["items"]) == found


@pytest.mark.parametrize(
    "query", ["from=yesterday", "from=2026-11-26T10:00:00", "sort=action", "cursor=x", "who=me"]
)
def test_a_wrong_filter_is_named(cast: Cast, query: str) -> None:
    assert cast.superadmin.get(f"{AUDIT}?{query}", 422)["errors"][0]["pointer"] == f"/{query.split('=')[0]}"


def test_the_platforms_rows_are_for_who_sees_everything(cast: Cast) -> None:
    query = f"{AUDIT}?campus_id=platform"

    assert {row["campus_id"] for row in cast.superadmin.get(query)["items"]} <= {None}
    assert cast.north.admin.get(query)["items"] == []


def test_students_and_who_lacks_the_module_read_nothing(cast: Cast) -> None:
    student = cast.student(cast.north, "21CS001")
    reader = cast.admin("reader", "sub_superadmin", permissions={"audit": "read"})
    other = cast.admin("other", "sub_superadmin", permissions={"analytics": "write"})

    student.get(AUDIT, 403)
    other.get(AUDIT, 403)
    assert reader.get(AUDIT)["items"]
    assert reader.http.get(f"{AUDIT}/export.csv").status_code == 403


def test_an_export_holds_the_places_in_the_chain_and_stands_in_the_log_itself(
    cast: Cast, runtime: Runtime, sealed: Callable[[str | None], None]
) -> None:
    campus = cast.north
    sealed(campus.id)

    first = exported(campus.admin, f"?campus_id={campus.id}")
    sealed(campus.id)
    second = exported(campus.admin)

    rows = list(csv.DictReader(io.StringIO(second.removeprefix("\ufeff"))))
    assert rows[0]["action"] == rows[1]["action"] == "audit.exported"
    assert rows[1]["detail"] == '{"filters":["campus_id"]}'
    for text in (first, second):
        [state] = runtime.audits.verifier.check_file(read(io.StringIO(text)), gaps=False, here=True)
        assert state.broken is None
        assert state.rows > 3


def test_the_state_of_a_chain_is_shown_to_its_admin(
    cast: Cast, db: Any, sealed: Callable[[str | None], None]
) -> None:
    campus = cast.north
    sealed(campus.id)

    chain = campus.admin.get(f"{AUDIT}/chain")
    assert (chain["campus_id"], chain["broken_seq"], chain["waiting"]) == (campus.id, None, 0)
    assert chain["checked"] == chain["seq"] > 0
    assert cast.superadmin.get(f"{AUDIT}/chain?campus_id=platform")["campus_id"] is None
    for other in (cast.south.id, "platform", "0" * 24):
        campus.admin.get(f"{AUDIT}/chain?campus_id={other}", 404)

    db.audit.update_one({"campus_id": campus.id, "seq": 2}, {"$set": {"target": "nobody"}})
    assert campus.admin.get(f"{AUDIT}/chain")["broken_seq"] == 2
