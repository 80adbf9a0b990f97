"""Lists that are kept as they were replied: fresh after every change, one person's never another's."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from main import Runtime
from routes._kit.openapi import declared
from services.campuses.repository import PlaceRepository
from tests.cast import Cast, Person

LISTS = (
    "/campus_management/campuses",
    "/course_management/courses",
    "/batch_management/batches",
    "/batch_management/instances",
)


def ask(person: Person, path: str, etag: str | None = None) -> Any:
    return person.http.get(path, headers={"If-None-Match": etag} if etag else {})


@pytest.fixture
def figures(runtime: Runtime) -> Any:
    """Call it for one figure of the kept replies."""
    return lambda name: runtime.replies.figures()[name]


def test_every_list_of_the_organisation_is_kept(app: Flask) -> None:
    assert {rule.rule for rule, spec in declared(app) if spec.cached} == set(LISTS)


@pytest.mark.parametrize("path", LISTS)
def test_the_second_reply_is_the_first_and_comes_from_memory(cast: Cast, figures: Any, path: str) -> None:
    admin = cast.north.admin
    first = ask(admin, path)
    hits = figures("hits")

    second = ask(admin, path)

    assert second.get_data() == first.get_data()
    assert second.get_json()["items"]
    assert figures("hits") == hits + 1


@pytest.mark.parametrize("path", LISTS)
def test_one_who_has_it_already_is_told_so(cast: Cast, figures: Any, path: str) -> None:
    admin = cast.north.admin
    first = ask(admin, path)
    unchanged = figures("unchanged")

    again = ask(admin, path, first.headers["ETag"])

    assert (again.status_code, again.get_data()) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert figures("unchanged") == unchanged + 1


@pytest.mark.parametrize("etag", ['"other"', 'W/"other"', "rubbish", '"r1"', "W/", '"' + "x" * 3000])
def test_another_etag_changes_nothing(cast: Cast, etag: str) -> None:
    assert ask(cast.north.admin, LISTS[0], etag).status_code == 200


def test_it_is_private_and_asked_for_each_time(cast: Cast) -> None:
    admin = cast.north.admin
    first = ask(admin, LISTS[1])

    for reply in (first, ask(admin, LISTS[1], first.headers["ETag"])):
        assert reply.headers["Cache-Control"] == "private, no-cache"
        assert "Authorization" in reply.headers["Vary"]


def test_neither_what_is_kept_nor_a_304_asks_for_the_rows(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = cast.north.admin
    etag = ask(admin, LISTS[1]).headers["ETag"]
    looked: list[str] = []
    for method in ("find", "list_rows"):
        monkeypatch.setattr(PlaceRepository, method, lambda *asked, method=method: looked.append(method))

    assert ask(admin, LISTS[1], etag).status_code == 304
    assert ask(admin, LISTS[1]).status_code == 200

    assert looked == []


def test_every_change_shows_at_once(cast: Cast) -> None:
    boss, campus = cast.superadmin, cast.north

    def names(person: Person, path: str) -> list[str]:
        return [item["name"] for item in ask(person, path).get_json()["items"]]

    for person in (boss, campus.admin):
        assert names(person, LISTS[1]) == ["North CSE", "North ECE"]
    made = campus.admin.post(
        "/course_management/courses", {"campus_id": campus.id, "name": "Art", "code": "A"}
    )
    for person in (boss, campus.admin):
        assert names(person, LISTS[1]) == ["Art", "North CSE", "North ECE"]
    path = f"/course_management/courses/{made['id']}"
    assert campus.admin.get(path)["name"] == "Art"
    campus.admin.patch(path, {"name": "Zoology"})
    for person in (boss, campus.admin):
        assert names(person, LISTS[1]) == ["North CSE", "North ECE", "Zoology"]
        assert person.get(path)["name"] == "Zoology"
    campus.admin.delete(path)
    for person in (boss, campus.admin):
        assert names(person, LISTS[1]) == ["North CSE", "North ECE"]
        person.get(path, status=404)


def test_instances_change_with_their_batch(cast: Cast) -> None:
    campus, admin = cast.north, cast.north.admin
    assert len(admin.get(LISTS[3])["items"]) == 2

    batch = {"campus_id": campus.id, "name": "Next", "course_ids": list(campus.course_ids)}
    made = admin.post("/batch_management/batches", batch)
    instances = admin.get(f"{LISTS[3]}?batch_id={made['id']}")["items"]
    assert len(admin.get(LISTS[3])["items"]) == 4
    admin.patch(f"/batch_management/batches/{made['id']}", {"course_ids": [campus.course_ids[0]]})
    assert len(admin.get(LISTS[3])["items"]) == 3
    admin.delete(f"/batch_management/batches/{made['id']}")

    assert len(admin.get(LISTS[3])["items"]) == 2
    for instance in instances:
        admin.get(f"/batch_management/instances/{instance['id']}", status=404)


def test_a_change_that_fails_changes_nothing(cast: Cast) -> None:
    campus, admin = cast.north, cast.north.admin
    etag = ask(admin, LISTS[1]).headers["ETag"]

    taken = {"campus_id": campus.id, "name": "Again", "code": "CSE"}
    admin.post("/course_management/courses", taken, status=409)

    assert ask(admin, LISTS[1], etag).status_code == 304


def test_a_change_elsewhere_leaves_what_is_kept(cast: Cast) -> None:
    etag = ask(cast.north.admin, LISTS[1]).headers["ETag"]

    south = {"campus_id": cast.south.id, "name": "Law", "code": "L"}
    cast.superadmin.post("/course_management/courses", south)

    assert ask(cast.north.admin, LISTS[1], etag).status_code == 304


@pytest.mark.parametrize("path", LISTS)
def test_what_one_may_see_is_never_given_to_another(cast: Cast, path: str) -> None:
    # Given everybody with another scope or other rights, and lists that were read by each of them before
    north, south, boss = cast.north, cast.south, cast.superadmin
    some = [north.course_ids[0]]
    course_admin = cast.admin("north.cse", "course_admin", north.id, course_ids=some)
    people = [boss, north.admin, south.admin, course_admin]
    for person in people:
        ask(person, path)

    # Then each is given their own, by whatever etag they ask
    etags = {ask(person, path).headers["ETag"] for person in people}
    assert len(etags) == 4
    shown = {}
    for person in people:
        for etag in etags - {ask(person, path).headers["ETag"]}:
            assert ask(person, path, etag).status_code == 200
        items = ask(person, path).get_json()["items"]
        shown[person.username] = {item.get("campus_id", item["id"]) for item in items}
    assert shown["root"] == {north.id, south.id}
    assert shown["north.admin"] == shown["north.cse"] == {north.id}
    assert shown["south.admin"] == {south.id}


def test_who_may_no_longer_ask_is_refused_whatever_they_have(cast: Cast, client: FlaskClient) -> None:
    campus, boss = cast.north, cast.superadmin
    colleague = cast.admin("north.second", "campus_admin", campus.id)
    etag = ask(colleague, LISTS[1]).headers["ETag"]

    boss.post(f"/admin_management/admins/{colleague.id}/deactivate", status=200)

    assert ask(colleague, LISTS[1], etag).status_code == 401
    headers = {"If-None-Match": etag}
    assert client.get(LISTS[1], headers=headers).status_code == 401
    student = cast.student(campus, "21CS001")
    assert ask(student, LISTS[1], etag).status_code == 403


def test_what_is_wrong_with_a_query_is_said_and_not_kept(cast: Cast, figures: Any) -> None:
    entries = figures("entries")

    for _ in range(2):
        cast.north.admin.get(f"{LISTS[0]}?limit=0", status=422)
        cast.north.admin.get(f"{LISTS[0]}?sort=shoe_size", status=422)

    assert figures("entries") == entries


def test_its_figures_are_in_metrics(cast: Cast, client: FlaskClient) -> None:
    ask(cast.north.admin, LISTS[0])

    text = client.get("/metrics").get_data(as_text=True)

    for cache in ("data", "replies"):
        for name in ("entries", "bytes", "hit_rate", "evictions", "misses"):
            assert f'versant_cache_{name}{{cache="{cache}"}}' in text


def test_what_was_changed_by_hand_shows_once_the_cache_is_told_to_forget(
    app: Flask, cast: Cast, db: Any
) -> None:
    admin, course_id = cast.north.admin, cast.north.course_ids[0]
    path = f"/course_management/courses/{course_id}"
    admin.get(path)
    db.courses.update_one({"_id": course_id}, {"$set": {"name": "By hand"}})
    assert admin.get(path)["name"] == "North CSE"

    runner = app.test_cli_runner()
    assert runner.invoke(args=["forget-cache", "campuses:*"]).exit_code == 0
    assert admin.get(path)["name"] == "North CSE"
    assert runner.invoke(args=["forget-cache", "cour*"]).exit_code == 2
    assert runner.invoke(args=["forget-cache"]).exit_code == 0

    assert admin.get(path)["name"] == "By hand"
