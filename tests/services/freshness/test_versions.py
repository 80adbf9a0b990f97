import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.errors import ConnectionFailure

from integrations.memory import MemoryBus
from main import Runtime
from services.freshness import versions as module
from services.freshness.repository import TagRepository
from services.freshness.versions import TagVersions, lineage
from utils.store import Store


class Hands:
    """A clock whose hands are moved by the test."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.seconds


class Counting(TagRepository):
    """Counts what is asked of MongoDB, and can be cut off from it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.asked, self.cut_off = 0, False
        self.meanwhile: Callable[[], None] = lambda: None

    def tokens(self, tags: Any) -> Any:
        self.asked += 1
        if self.cut_off:
            raise ConnectionFailure("cut off")
        found = super().tokens(tags)
        self.meanwhile()
        return found


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
def rows(runtime: Runtime) -> Counting:
    return Counting(runtime.store)


@pytest.fixture
def versions(rows: Counting, runtime: Runtime, bus: MemoryBus, hands: Hands) -> TagVersions:
    return TagVersions(rows, runtime.store, bus, hands)


@pytest.fixture
def elsewhere(runtime: Runtime) -> TagVersions:
    """Another process, of which no bus tells us."""
    return TagVersions(TagRepository(runtime.store), runtime.store, MemoryBus(), Hands())


def test_a_tag_changes_with_what_is_above_it_and_nothing_else(versions: TagVersions) -> None:
    before = versions.of(["a:b"])

    versions.renew(["a:c"])
    assert versions.of(["a:b"]) == before
    for above in ("a:b", "a", "*"):
        versions.renew([above])
        after = versions.of(["a:b"])
        assert after != before
        before = after


def test_a_version_never_comes_back(versions: TagVersions, db: Any) -> None:
    seen = set()
    for _ in range(5):
        versions.renew(["a"])
        seen.add(versions.of(["a"]))

    db.cache_tags.delete_many({})
    versions.forget()
    seen.add(versions.of(["a"]))

    assert len(seen) == 6


def test_once_read_it_is_known_for_less_than_a_second(
    versions: TagVersions, rows: Counting, hands: Hands
) -> None:
    versions.read_changes()
    versions.of(["a"])
    hands.seconds += 0.79
    versions.of(["a"])
    assert rows.asked == 1

    hands.seconds += 0.02
    versions.of(["a"])
    assert rows.asked == 2


def test_what_changed_elsewhere_is_seen_with_the_next_reading(
    versions: TagVersions, elsewhere: TagVersions, rows: Counting
) -> None:
    versions.read_changes()
    before = versions.of(["a"])
    elsewhere.renew(["a"])
    assert versions.of(["a"]) == before

    versions.read_changes()

    assert versions.of(["a"]) == elsewhere.of(["a"]) != before


def test_what_the_bus_tells_is_believed_at_once_and_its_rubbish_is_not(
    versions: TagVersions, elsewhere: TagVersions, bus: MemoryBus
) -> None:
    versions.read_changes()
    before = versions.of(["a"])
    elsewhere.renew(["a"])

    bus.publish("cache.changed", {"tags": "a"})
    bus.publish("cache.changed", {})
    assert versions.of(["a"]) == before
    bus.publish("cache.changed", {"tags": ["a", 7, None]})

    assert versions.of(["a"]) != before


def test_after_a_gap_nothing_is_taken_for_granted(
    versions: TagVersions, elsewhere: TagVersions, bus: MemoryBus
) -> None:
    versions.read_changes()
    before = versions.of(["a"])
    elsewhere.renew(["a"])

    bus.gap()

    assert versions.of(["a"]) != before


def test_what_changes_while_it_is_read_is_read_again(
    versions: TagVersions, elsewhere: TagVersions, rows: Counting, bus: MemoryBus
) -> None:
    def changes() -> None:
        rows.meanwhile = lambda: None
        elsewhere.renew(["a"])
        bus.publish("cache.changed", {"tags": ["a"]})

    versions.read_changes()
    rows.meanwhile = changes
    before = versions.of(["a"])

    assert versions.of(["a"]) != before


def test_a_change_of_a_long_transaction_is_seen_when_it_is_committed(
    versions: TagVersions, elsewhere: TagVersions, runtime: Runtime, hands: Hands
) -> None:
    versions.read_changes()
    before = versions.of(["a"])

    def work() -> None:
        runtime.store.before_commit(lambda: time.sleep(0.3))
        elsewhere.renew(["a"])
        runtime.store.before_commit(lambda: time.sleep(0.3))

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(runtime.store.atomically, work)
        while not done.done():
            versions.read_changes()
            time.sleep(0.02)
        done.result()
    versions.read_changes()

    assert versions.of(["a"]) != before


def test_a_process_that_stood_still_takes_nothing_for_granted(
    versions: TagVersions, elsewhere: TagVersions, hands: Hands, db: Any
) -> None:
    versions.read_changes()
    before = versions.of(["a"])
    elsewhere.renew(["a"])
    db.cache_tags.update_many({}, {"$set": {"at": datetime(2020, 1, 1, tzinfo=UTC)}})  # long ago, by now

    hands.seconds += 3600
    versions.read_changes()

    assert versions.of(["a"]) != before


def test_without_mongodb_what_is_known_is_served_for_five_seconds(
    versions: TagVersions, rows: Counting, hands: Hands
) -> None:
    versions.read_changes()
    known = versions.of(["a"])
    rows.cut_off = True

    hands.seconds += 4.9
    assert versions.of(["a"]) == known
    with pytest.raises(ConnectionFailure):
        versions.of(["never asked for"])
    hands.seconds += 0.2
    with pytest.raises(ConnectionFailure):
        versions.of(["a"])


def test_changes_of_one_tag_in_many_transactions_all_succeed(
    runtime: Runtime, versions: TagVersions, db: Any
) -> None:
    def work(n: int) -> None:
        runtime.store.db["cache_test_rows"].insert_one({"n": n})
        versions.renew(["new:tag", "other"])

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(runtime.store.atomically, lambda n=n: work(n)) for n in range(24)]

    assert [each.exception() for each in done] == [None] * 24
    assert db.cache_tags.count_documents({"_id": {"$in": ["new:tag", "other"]}}) == 2


def test_not_too_much_is_known(versions: TagVersions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KNOWN", 10)
    versions.read_changes()

    for n in range(50):
        versions.of([f"tag{n}"])

    assert len(versions._known) <= 13


def test_the_lineage_of_tags() -> None:
    assert lineage(("a:b:c", "a:d", "e")) == ("*", "a", "a:b", "a:b:c", "a:d", "e")
