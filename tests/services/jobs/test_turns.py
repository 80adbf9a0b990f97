"""Whose turn it is."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from services.jobs.turns import Turns


def taken(turns: Turns, waiting: Mapping[str | None, int], seats: int, times: int) -> Counter[str | None]:
    total: Counter[str | None] = Counter()
    for _ in range(times):
        total.update(turns.share(waiting, seats))
    return total


def test_nobody_waits_and_nobody_gets_a_seat() -> None:
    assert Turns().share({}, 3) == {}


def test_every_free_seat_is_given_also_where_only_one_waits() -> None:
    assert Turns().share({"a/1": 0}, 8) == {"a/1": 8}


def test_campuses_share_first_and_their_jobs_within() -> None:
    waiting: dict[str | None, int] = {"a/1": 0, "a/2": 0, "a/3": 0, "b/1": 0}

    assert taken(Turns(), waiting, 3, 20) == {"a/1": 10, "a/2": 10, "a/3": 10, "b/1": 30}


def test_whoever_comes_later_is_next_without_having_saved_up_turns() -> None:
    turns = Turns()
    taken(turns, {"a/1": 0}, 1, 1000)

    assert turns.share({"a/1": 0, "b/1": 0}, 1) == {"b/1": 1}
    assert 49 <= taken(turns, {"a/1": 0, "b/1": 0}, 1, 100)["b/1"] <= 51


def test_a_priority_doubles_the_share_and_starves_nobody() -> None:
    assert taken(Turns(), {"a": 1, "b": 0}, 1, 90) == {"a": 60, "b": 30}
    assert taken(Turns(), {"a": 100, "b": 0}, 1, 90) == {"a": 80, "b": 10}
    assert taken(Turns(), {"a": -100, "b": 0}, 1, 90) == {"a": 10, "b": 80}


def test_jobs_without_a_key_and_keys_above_others_take_turns_as_well() -> None:
    waiting: dict[str | None, int] = {None: 0, "a": 0, "a/1": 0}

    assert taken(Turns(), waiting, 1, 40) == {None: 20, "a": 10, "a/1": 10}


def test_what_is_over_is_forgotten() -> None:
    turns = Turns()
    for number in range(200):
        turns.share({f"a/{number}": 0, f"a/{number + 1}": 0}, 2)

    assert len(turns._charged) + len(turns._level) < 20


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from(["a/1", "a/2", "b/1", "b/2", "c", "d/1/x"]), min_size=1), min_size=1),
    st.integers(1, 5),
)
def test_two_that_wait_side_by_side_never_differ_by_more_than_two_turns(
    waits: list[set[str]], seats: int
) -> None:
    turns, had = Turns(), Counter[str | None]()
    for wait in waits:
        had.update(turns.share(dict.fromkeys(["x", "y", *wait], 0), seats))

        assert abs(had["x"] - had["y"]) <= 2
