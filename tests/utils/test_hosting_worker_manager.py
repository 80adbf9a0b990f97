"""What the workers of one server decide about each other."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.utils.test_resilient_services import StoppedClock
from utils.hosting_worker_manager import (
    NOTHING,
    Act,
    Child,
    Decision,
    Load,
    Relief,
    Rules,
    Worker,
    decide,
    decider,
)

RULES = Rules()
OLD = 10_000.0
CALM, SHORT = 0.5, 0.95


def workers(count: int, load: float = 0.5) -> list[Worker]:
    return [Worker(f"w{n}", n, OLD - n, True, 100 + n, load) for n in range(1, count + 1)]


def children(found: list[Worker]) -> dict[int, Child]:
    return {worker.pid: Child(worker.age) for worker in found}


def what(
    found: list[Worker], pressure: float = CALM, most: int = 4, family: dict[int, Child] | None = None
) -> Decision:
    return decide(RULES, (2, most), found, children(found) if family is None else family, pressure)


def test_nothing_is_done_when_all_is_well() -> None:
    assert what(workers(2)) is NOTHING


def test_the_largest_goes_when_memory_is_short() -> None:
    assert (what(workers(3), SHORT).act, what(workers(3), SHORT).pid) == (Act.RECYCLE, 3)


def test_one_that_is_stuck_goes_and_one_that_never_told_of_itself() -> None:
    first, second = workers(2)
    assert what([first, replace(second, stuck="claim-imports")]).pid == second.pid
    assert what([first], family={1: Child(OLD), 77: Child(OLD, RULES.stuck)}).pid == 77


def test_while_somebody_comes_or_goes_nothing_else_is_done() -> None:
    first, second = workers(2)
    assert what([first, replace(second, serving=False)], SHORT) is NOTHING
    assert what([first], SHORT, family={1: Child(OLD), 77: Child(OLD, 3.0)}) is NOTHING


def test_one_replacement_at_a_time_with_a_pause() -> None:
    first, second = workers(2)
    family = {1: Child(OLD), 2: Child(RULES.pause - 1)}
    assert what([first, second], SHORT, family=family) is NOTHING


def test_rows_of_workers_that_are_gone_count_for_nothing() -> None:
    first, second, gone = workers(3)
    assert what([first, second, gone], SHORT, family=children([first, second])).pid == second.pid


def test_load_makes_more_of_them_where_memory_has_room() -> None:
    assert what(workers(2, load=0.8)).act is Act.GROW
    assert what(workers(2, load=0.8), pressure=0.7) is NOTHING
    assert what(workers(4, load=2.0)) is NOTHING
    assert what(workers(2, load=2.0), most=2) is NOTHING


def test_idleness_makes_fewer_of_them() -> None:
    assert what(workers(3, load=0.1)).act is Act.SHRINK
    assert what(workers(2, load=0.0)) is NOTHING


def test_the_oldest_decides_unless_it_drains_or_is_stuck() -> None:
    first, second = workers(2)
    assert decider([second, first]) == "w1"
    assert decider([replace(first, serving=False), second]) == "w2"
    assert decider([replace(first, stuck="x"), second]) == "w2"
    assert decider([replace(first, stuck="x"), replace(second, stuck="x")]) == "w1"
    assert decider([]) == ""


CHILD = st.builds(Child, st.floats(0, 1000), st.floats(0, 1000))
SOME = st.lists(
    st.builds(
        Worker,
        id=st.just(""),
        pid=st.integers(1, 9),
        age=st.floats(0, 1000),
        serving=st.booleans(),
        memory=st.integers(0, 1000),
        load=st.floats(0, 3),
        stuck=st.sampled_from(["", "", "loop"]),
    ),
    max_size=6,
    unique_by=lambda worker: worker.pid,
)


@given(SOME, st.dictionaries(st.integers(1, 9), CHILD, max_size=6), st.floats(0, 2))
def test_whatever_happens_the_bounds_hold_and_only_children_are_signalled(
    found: list[Worker], family: dict[int, Child], pressure: float
) -> None:
    decision = decide(RULES, (2, 4), found, family, pressure)

    if decision.act is Act.RECYCLE:
        assert decision.pid in family
    if decision.act is Act.GROW:
        assert len(family) < 4
    if decision.act is Act.SHRINK:
        assert len(family) > 2


def test_load_is_a_mean_of_the_last_while() -> None:
    clock, counts = StoppedClock(), [8, 4, 0]
    load = Load(lambda: counts.pop(0), 8, 30.0, clock)

    assert load.figures()["mean"] == 1.0
    assert load.figures() == {"now": 4, "seats": 8, "mean": 0.75}
    clock.seconds += 31
    assert load.figures()["mean"] == 0.0


def test_relief_shrinks_all_that_can() -> None:
    shrunk: list[str] = []
    relief = Relief()
    relief.add(lambda: shrunk.append("cache"))

    relief()

    assert shrunk == ["cache"]
