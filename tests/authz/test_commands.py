"""What MongoDB was asked while the world was built and walked through, as its profiler saw it."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from models import TENANT_COLLECTIONS
from services.campuses.documents import COURSES
from tests.authz.walk import Walk

pytestmark = [pytest.mark.xdist_group("authz"), pytest.mark.timeout(600)]

SCOPES: Final = ("everything", "campus:", "courses:", "own:", "unscoped:")
ASKED: Final = frozenset(
    {"find", "aggregate", "count", "distinct", "insert", "update", "delete", "findAndModify"}
)
SEEN: Final = {"ns": 1, "op": 1, "command": 1, "planSummary": 1, "hasSortStage": 1}


@pytest.fixture(scope="session")
def commands(whole_walk: Walk, walked_db: Any) -> list[Mapping[str, Any]]:
    """Every command of the app on a tenant collection. Those of the tests' own client have no app name."""
    profiled = walked_db["system.profile"].find({"appName": "versant"}, SEEN)
    return [seen for seen in profiled if _collection(seen) in TENANT_COLLECTIONS and _asks(seen)]


def test_the_profiler_saw_the_walk(commands: list[Mapping[str, Any]], whole_walk: Walk) -> None:
    assert {_collection(seen) for seen in commands} == TENANT_COLLECTIONS
    assert len(commands) > len(whole_walk.asked) / 4  # most of the others are refused before anything is read


def test_every_command_names_its_scope(commands: list[Mapping[str, Any]]) -> None:
    bare = {
        f"{seen['op']} {_collection(seen)}: {comment}"
        for seen in commands
        if not (comment := str(seen["command"].get("comment", ""))).startswith(SCOPES)
    }

    assert bare == set()


def test_no_command_scans_a_collection(commands: list[Mapping[str, Any]]) -> None:
    scans = {_shown(seen) for seen in commands if "COLLSCAN" in seen.get("planSummary", "")}

    assert scans == set()


def test_no_command_sorts_in_memory(commands: list[Mapping[str, Any]]) -> None:
    sorts = {
        _shown(seen)
        for seen in commands
        if seen.get("hasSortStage") and not _contradicts_itself(seen) and not _sorts_a_handful(seen)
    }

    assert sorts == set()


def _collection(seen: Mapping[str, Any]) -> str:
    return str(seen["ns"]).partition(".")[2]


def _asks(seen: Mapping[str, Any]) -> bool:
    """Tell a question or a change from the making of a collection or an index."""
    return seen["op"] in ("query", "insert", "update", "remove") or not ASKED.isdisjoint(seen["command"])


def _shown(seen: Mapping[str, Any]) -> str:
    asked = seen["command"]
    fields = sorted(asked.get("filter", {}))
    return f"{seen['op']} {_collection(seen)} {fields} {asked.get('sort')} {seen.get('planSummary')}"


def _contradicts_itself(seen: Mapping[str, Any]) -> bool:
    """A filter by what lies outside the scope finds nothing, by whatever index: there is nothing to sort."""
    scope, *asked = seen["command"].get("filter", {}).get("$and", [{}])
    return any(
        isinstance(part.get(name), str) and part[name] != wanted and part[name] not in _among(wanted)
        for part in asked
        for name, wanted in scope.items()
    )


def _among(wanted: Any) -> list[Any]:
    return list(wanted.get("$in", ())) if isinstance(wanted, dict) else []


def _sorts_a_handful(seen: Mapping[str, Any]) -> bool:
    """A course admin's courses are found by their ids, which are few (at most 200), and put in order."""
    return _collection(seen) == COURSES and "$in" in str(seen["command"].get("filter", {}).get("_id"))
