from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
from pydantic import BaseModel

from services.freshness.shelf import Shelf, key_of, tag, tags_of_change
from utils.scope import Scope

SCOPES = [
    Scope.everything(),
    Scope.campus("north"),
    Scope.campus("south"),
    Scope.courses("north", ()),
    Scope.courses("north", ("cse",)),
    Scope.courses("north", ("cse", "ece")),
    Scope.own("asha", "north"),
    Scope.own("asha", None),
    Scope.own("ravi", "north"),
]


class Thing(BaseModel):
    name: str


class OtherThing(BaseModel):
    name: str
    size: int = 0


class Everything:
    """A cache that forgets nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes | None] = {}

    def read(self, key: str, tags: Sequence[str], load: Any, seconds: Any = None) -> bytes | None:
        if key not in self.kept:
            self.kept[key] = load()
        return self.kept[key]


@pytest.fixture
def cache() -> Any:
    return Everything()


@pytest.mark.parametrize(("one", "other"), list(combinations(SCOPES, 2)))
def test_no_two_scopes_share_an_entry(cache: Any, one: Scope, other: Scope) -> None:
    shelf = Shelf[Thing](cache, "things", Thing)

    shelf.read(one, ["things"], ["id"], lambda: Thing(name="one"))

    assert shelf.read(other, ["things"], ["id"], lambda: Thing(name="other")) == Thing(name="other")


def test_what_is_read_is_what_was_loaded_and_nobody_can_change_it_for_others(cache: Any) -> None:
    shelf = Shelf[list[Thing]](cache, "things", list[Thing])

    def read() -> list[Thing] | None:
        return shelf.read(Scope.everything(), ["t"], [], lambda: [Thing(name="ä")])

    first = read()
    assert first is not None
    first.append(Thing(name="smuggled in"))
    first[0].name = "changed"

    assert read() == [Thing(name="ä")]


def test_another_shape_of_a_value_is_another_entry(cache: Any) -> None:
    Shelf[Thing](cache, "things", Thing).read(SCOPES[0], ["t"], [], lambda: Thing(name="old"))

    new = Shelf[OtherThing](cache, "things", OtherThing)

    assert new.read(SCOPES[0], ["t"], [], lambda: OtherThing(name="new", size=1)) == OtherThing(
        name="new", size=1
    )


def test_rubbish_is_loaded_anew(cache: Any) -> None:
    shelf = Shelf[Thing](cache, "things", Thing)
    shelf.read(SCOPES[0], ["t"], [], lambda: Thing(name="one"))
    cache.kept = dict.fromkeys(cache.kept, b'{"nam')

    assert shelf.read(SCOPES[0], ["t"], [], lambda: Thing(name="two")) == Thing(name="two")


def test_keys_do_not_run_into_each_other() -> None:
    parts: list[list[Any]] = [["a", "b"], ["ab"], ["a,b"], [["a"], "b"], ["a", "b", None], ['a","b']]

    assert len({key_of(SCOPES[0], each) for each in parts}) == len(parts)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_change_in_a_campus_reaches_every_reading_that_may_hold_it(scope: Scope) -> None:
    renewed = tags_of_change("courses", Scope.campus("north"))

    sees_north = scope.campus_id in (None, "north")

    assert (tag("courses", scope) in renewed) is sees_north


def test_a_change_without_a_campus_reaches_all() -> None:
    assert tags_of_change("courses", Scope.everything()) == ("courses",)
