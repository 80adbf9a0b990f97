"""The listener that watches the whole suite: it sees what names no scope, whoever asks for it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from main import Runtime
from models import TENANT_COLLECTIONS
from services.students.documents import STUDENTS
from tests.listener import CommandLog
from utils.scope import Scope

pytestmark = pytest.mark.xdist_group("authz")


@pytest.fixture
def students(runtime: Runtime) -> Iterator[Any]:
    """A tenant collection, without the repository in front of it."""
    yield runtime.store.db[STUDENTS]
    CommandLog.forget()  # what is done here on purpose is not the suite's fault


@pytest.mark.parametrize(
    ("command", "ask"),
    [
        ("find", lambda rows: rows.find_one({"_id": "x"})),
        ("aggregate", lambda rows: list(rows.aggregate([{"$match": {"_id": "x"}}]))),
        ("aggregate", lambda rows: rows.count_documents({"_id": "x"})),
        ("count", lambda rows: rows.estimated_document_count()),
        ("distinct", lambda rows: rows.distinct("_id", {"_id": "x"})),
        ("update", lambda rows: rows.update_one({"_id": "x"}, {"$set": {"name": "y"}})),
        ("delete", lambda rows: rows.delete_many({"_id": "x"})),
        ("findAndModify", lambda rows: rows.find_one_and_delete({"_id": "x"})),
    ],
)
def test_a_command_without_a_scope_is_noticed(students: Any, command: str, ask: Callable[[Any], Any]) -> None:
    ask(students)

    assert CommandLog.unscoped() == [f"{command} {STUDENTS}"]


def test_a_command_that_names_its_scope_is_not(students: Any) -> None:
    students.find_one({"_id": "x"}, comment=Scope.everything().label)

    assert CommandLog.unscoped() == []


def test_every_tenant_collection_is_watched(runtime: Runtime, students: Any) -> None:
    for name in sorted(TENANT_COLLECTIONS):
        runtime.store.db[name].find_one({"_id": "x"})

    assert CommandLog.unscoped() == [f"find {name}" for name in sorted(TENANT_COLLECTIONS)]


def test_forgetting_begins_anew(students: Any) -> None:
    students.find_one({"_id": "x"})

    CommandLog.forget()

    assert CommandLog.unscoped() == []
