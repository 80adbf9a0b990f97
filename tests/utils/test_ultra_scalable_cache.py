from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from utils.problems import NotFound
from utils.ultra_scalable_cache import ENTRY_BYTES, MemoryTier, Stamp, TwoTierCache, tag_of

KEYS = st.sampled_from([f"key{n}" for n in range(9)])
ENTRIES, SIZE = 4, 4 * 1000
LEAST = SIZE // ENTRIES


class AgainstAModel(RuleBasedStateMachine):
    """The memory tier does what an ordered dictionary would, that forgets from its old end."""

    def __init__(self) -> None:
        super().__init__()
        self.tier, self.model = MemoryTier(ENTRIES, SIZE), OrderedDict[str, bytes]()
        self.evicted = 0

    @rule(key=KEYS, size=st.integers(0, 3000))
    def put(self, key: str, size: int) -> None:
        value = b"x" * size
        self.tier.put(key, value, ("s",), 1.0, 2.0)
        self.model.pop(key, None)
        if self.weight(key, value) > LEAST:  # more than a tenth of all: not kept
            return
        self.model[key] = value
        while len(self.model) > ENTRIES:
            self.model.popitem(last=False)
            self.evicted += 1

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        entry = self.tier.get(key)
        assert (entry.value if entry else None) == self.model.get(key)
        if key in self.model:
            self.model.move_to_end(key)

    @rule(key=KEYS)
    def drop(self, key: str) -> None:
        self.tier.drop(key)
        self.model.pop(key, None)

    @rule(share=st.sampled_from([0.0, 0.5, 1.0]))
    def shrink(self, share: float) -> None:
        assert self.tier.shrink(share) == int(len(self.model) * share)
        for _ in range(int(len(self.model) * share)):
            self.model.popitem(last=False)

    @invariant()
    def agrees(self) -> None:
        figures = self.tier.figures()
        assert figures["entries"] == len(self.model)
        assert figures["evictions"] == self.evicted
        assert figures["bytes"] <= SIZE

    @staticmethod
    def weight(key: str, value: bytes) -> int:
        return max(LEAST, ENTRY_BYTES + len(key) + len(value))


TestAgainstAModel = AgainstAModel.TestCase
TestAgainstAModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_large_values_count_by_their_bytes() -> None:
    tier = MemoryTier(1000, 1_000_000)

    for n in range(100):
        tier.put(f"k{n}", b"x" * 50_000, ("s",), 1.0, 2.0)

    assert tier.figures()["entries"] == 19
    assert tier.figures()["bytes"] <= 1_000_000
    assert tier.figures()["evictions"] == 81
    assert tier.get("k99") is not None


class Hands:
    """A clock whose hands are moved by the test."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.seconds


class Tags:
    """Stamps that a test changes."""

    def __init__(self) -> None:
        self.versions: dict[str, int] = {}

    def of(self, tags: Sequence[str]) -> Stamp:
        return tuple(str(self.versions.get(tag, 0)) for tag in tags)

    def renew(self, tags: Sequence[str]) -> None:
        for tag in tags:
            self.versions[tag] = self.versions.get(tag, 0) + 1


class Loader:
    """Counts how often it loads; fails where it is told to."""

    def __init__(self, value: bytes | None = b"value") -> None:
        self.value, self.calls = value, 0
        self.error: Exception | None = None

    def __call__(self) -> Any:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.value


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def tags() -> Tags:
    return Tags()


@pytest.fixture
def cache(hands: Hands, tags: Tags) -> TwoTierCache:
    return TwoTierCache(MemoryTier(100, 100_000), None, tags, hands, seconds=100.0, random=lambda: 0.5)


def test_what_was_loaded_is_not_loaded_again_until_a_tag_changes(cache: TwoTierCache) -> None:
    load = Loader()

    assert [cache.read("k", ["a", "b"], load) for _ in range(3)] == [b"value"] * 3
    assert load.calls == 1
    cache.invalidate("c")
    cache.read("k", ["a", "b"], load)
    assert load.calls == 1
    cache.invalidate("b")
    load.value = b"other"
    assert cache.read("k", ["a", "b"], load) == b"other"


def test_a_change_while_it_is_loaded_puts_it_out_of_date(cache: TwoTierCache) -> None:
    def changed_meanwhile() -> bytes:
        cache.invalidate("a")
        return b"old"

    cache.read("k", ["a"], changed_meanwhile)

    assert cache.read("k", ["a"], lambda: b"new") == b"new"


def test_what_is_not_there_is_remembered_for_a_short_time_and_until_a_change(
    cache: TwoTierCache, hands: Hands
) -> None:
    load = Loader(None)

    assert [cache.read("k", ["a"], load) for _ in range(2)] == [None, None]
    assert load.calls == 1
    cache.invalidate("a")
    load.value = b"made"
    assert cache.read("k", ["a"], load) == b"made"

    load = Loader(None)
    cache.read("other", ["a"], load)
    hands.seconds += 80.0
    cache.read("other", ["a"], load)
    assert load.calls == 2


@pytest.mark.parametrize(("chance", "life"), [(0.0, 90.0), (0.5, 100.0), (1.0, 110.0)])
def test_not_all_end_at_once(chance: float, life: float, hands: Hands, tags: Tags) -> None:
    near = MemoryTier(100, 100_000)
    cache = TwoTierCache(near, None, tags, hands, seconds=100.0, random=lambda: chance)

    cache.read("k", ["a"], Loader())

    entry = near.get("k")
    assert entry is not None
    assert entry.until == pytest.approx(hands.seconds + life)


def test_near_its_end_one_loads_it_anew_and_the_others_get_it_as_it_is(
    cache: TwoTierCache, hands: Hands
) -> None:
    cache.read("k", ["a"], lambda: b"first")
    hands.seconds += 95.0
    meanwhile: list[bytes | None] = []

    def load() -> bytes:
        meanwhile.append(cache.read("k", ["a"], Loader(b"never")))
        return b"second"

    assert cache.read("k", ["a"], load) == b"second"
    assert meanwhile == [b"first"]
    assert cache.read("k", ["a"], Loader(b"never")) == b"second"


def test_what_has_not_changed_stands_in_while_loading_fails(cache: TwoTierCache, hands: Hands) -> None:
    load = Loader()
    cache.read("k", ["a"], load)
    load.error = ConnectionError("away")

    hands.seconds += 120.0
    assert cache.read("k", ["a"], load) == b"value"
    assert cache.figures()["stand_ins"] == 1
    hands.seconds += 60.0
    with pytest.raises(ConnectionError):
        cache.read("k", ["a"], load)


def test_what_has_changed_never_stands_in(cache: TwoTierCache) -> None:
    load = Loader()
    cache.read("k", ["a"], load)
    cache.invalidate("a")
    load.error = ConnectionError("away")

    with pytest.raises(ConnectionError):
        cache.read("k", ["a"], load)


def test_a_problem_is_an_answer_and_nothing_stands_in_for_it(cache: TwoTierCache, hands: Hands) -> None:
    load = Loader()
    cache.read("k", ["a"], load)
    load.error = NotFound()
    hands.seconds += 95.0

    with pytest.raises(NotFound):
        cache.read("k", ["a"], load)


def test_in_a_transaction_everything_is_loaded_and_nothing_kept(hands: Hands, tags: Tags) -> None:
    inside = True
    cache = TwoTierCache(MemoryTier(9, 9000), None, tags, hands, in_transaction=lambda: inside)
    load = Loader()

    cache.read("k", ["a"], load)
    cache.read("k", ["a"], load)
    inside = False
    cache.read("k", ["a"], load)

    assert load.calls == 3


def test_only_bytes_are_kept(cache: TwoTierCache) -> None:
    with pytest.raises(TypeError):
        cache.read("k", ["a"], Loader("text"))  # type: ignore[arg-type]


@pytest.mark.parametrize(("pattern", "tag"), [("courses:*", "courses"), ("a:b:*", "a:b"), ("*", "*")])
def test_a_pattern_is_a_tag_above_others(pattern: str, tag: str) -> None:
    assert tag_of(pattern) == tag


@pytest.mark.parametrize("pattern", ["", "courses", "cour*", "a:*:b", ":*", "*:*", "**"])
def test_another_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="no pattern"):
        tag_of(pattern)


def test_its_figures_tell_how_it_does(cache: TwoTierCache) -> None:
    for key in ("a", "b", "a", "a"):
        cache.read(key, ["a"], Loader())

    figures = cache.figures()
    assert (figures["entries"], figures["hits"], figures["misses"]) == (2, 2, 2)
    assert (figures["hit_rate"], figures["loads"], figures["evictions"]) == (0.5, 2, 0)
    assert cache.shrink(1.0) == 2
    assert cache.figures()["entries"] == 0
