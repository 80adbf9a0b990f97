"""Any interleaving of what can be done to durable jobs, on a real MongoDB, against a model of forty lines.

FAULTS_EXAMPLES says how many sequences are tried (12); with it, one that fails is made short.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Final

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from config.database import mongo_client
from config.settings import Settings
from services.jobs.documents import INDEXES, JOBS, Job, JobState
from services.jobs.engine import WAITING
from services.jobs.repository import JobRepository
from services.ports import Queue
from utils.store import Store

LONG: Final = "FAULTS_EXAMPLES" in os.environ
EXAMPLES: Final = int(os.environ.get("FAULTS_EXAMPLES", "12"))
STEPS: Final = 40
LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
LEASE, LATER = 600.0, 600.0
GROUPS: Final = ("g1", "g2")
FAIR: Final = ("a/1", "a/2", "b/1")
KEYS: Final = st.lists(st.integers(0, 12), min_size=1, max_size=12)
Handle = tuple[str, int]  # a claim: the job and the fence


@dataclass
class Model:
    """What a job is after everything that was done to it so far."""

    group: str
    fair: str
    state: JobState = JobState.AVAILABLE
    fence: int = 0
    attempt: int = 0
    due: bool = True
    lapsed: bool = False

    def held_by(self, handle: Handle) -> bool:
        return self.state is JobState.RUNNING and self.fence == handle[1]

    def claimed(self) -> None:
        self.state, self.lapsed = JobState.RUNNING, False
        self.fence, self.attempt = self.fence + 1, self.attempt + 1


class Jobs(RuleBasedStateMachine):
    """The repository does, the model says what must come of it."""

    claims: Bundle[Handle] = Bundle("claims")

    def __init__(self, store: Store, rows: Any) -> None:
        super().__init__()
        rows.delete_many({"_id": {"$gte": ""}})
        self._store, self._rows = store, rows
        self.jobs, self.model = JobRepository(store), dict[str, Model]()
        self._tokens = count()

    @initialize(groups=st.lists(st.sampled_from(GROUPS), min_size=4, max_size=8))
    def begin(self, groups: list[str]) -> None:
        for group in groups:
            self.submit(group, FAIR[0])

    @rule(group=st.sampled_from(GROUPS), fair=st.sampled_from(FAIR))
    def submit(self, group: str, fair: str) -> None:
        key, now = f"k{len(self.model)}", datetime.now(UTC)
        self.jobs.add(
            [
                Job(
                    id=key,
                    name="work",
                    args={},
                    queue=Queue.MESSAGES,
                    group=group,
                    fair=fair,
                    run_at=LONG_AGO,
                    created_at=now,
                )
            ]
        )
        self.model[key] = Model(group, fair)

    @rule(target=claims, numbers=KEYS)
    def claim(self, numbers: list[int]) -> Any:
        keys = [f"k{number}" for number in numbers]
        expected = self._to_be_had(keys)

        got = self._claim(keys)

        assert set(got) == expected
        return multiple(*self._noted(got))

    @rule(target=claims, numbers=KEYS)
    def claim_by_two_at_once(self, numbers: list[int]) -> Any:
        keys = [f"k{number}" for number in numbers]
        expected = self._to_be_had(keys)

        first, second = _at_once(partial(self._claim, keys), partial(self._claim, keys))

        assert Counter(first.keys()) + Counter(second.keys()) == Counter(expected)
        return multiple(*self._noted(first | second))

    @rule(group=st.sampled_from(GROUPS))
    def claim_while_the_group_is_dropped(self, group: str) -> None:
        """Each is either claimed or dropped; in the end all are over, so that sequences can be repeated."""
        keys = [key for key, job in self.model.items() if job.group == group]
        wanted, open_ = self._to_be_had(keys), self._in(group, *WAITING)

        got, dropped = _at_once(partial(self._claim, keys), partial(self._drop, group))

        assert set(got) <= wanted
        assert Counter(got.keys()) + Counter(dropped) == Counter(open_)
        for handle in self._noted(got):
            assert self.jobs.finish(*handle, JobState.CANCELLED)
        self._move([*got, *dropped], JobState.CANCELLED)

    @rule(handle=claims)
    def renew(self, handle: Handle) -> None:
        holds = self._holds(handle)
        assert bool(self.jobs.renew([handle], LEASE)) is holds
        if holds:
            self.model[handle[0]].lapsed = False

    @rule(handle=claims, state=st.sampled_from((JobState.COMPLETED, JobState.DISCARDED)))
    def finish(self, handle: Handle, state: JobState) -> None:
        holds = self._holds(handle)
        assert self.jobs.finish(*handle, state, "$why") is holds
        if holds:
            self._move([handle[0]], state)

    @rule(handle=claims, burn=st.booleans(), later=st.booleans())
    def release(self, handle: Handle, burn: bool, later: bool) -> None:
        holds = self._holds(handle)
        assert self.jobs.release(*handle, LATER if later else 0, burn=burn, error="$why") is holds
        if holds:
            job = self.model[handle[0]]
            job.state, job.due, job.attempt = JobState.AVAILABLE, not later, job.attempt - (not burn)

    @rule(handle=claims)
    def park(self, handle: Handle) -> None:
        holds = self._holds(handle)
        assert self.jobs.park(*handle) is holds
        if holds:
            job = self.model[handle[0]]
            job.state, job.attempt = JobState.HELD, job.attempt - 1

    @rule(handle=claims)
    def stand_still(self, handle: Handle) -> None:
        """Whoever holds it does nothing for so long that its lease lapses; it may go on later."""
        key, fence = handle
        past = {"$set": {"lease_until": LONG_AGO}}
        self._rows.update_one({"_id": key, "fence": fence, "state": JobState.RUNNING}, past)
        self.model[key].lapsed |= self._holds(handle)

    @rule(target=claims, handle=claims)
    def is_overtaken(self, handle: Handle) -> Any:
        """Whoever holds it stands still until somebody else has claimed it."""
        if not self._holds(handle):
            return multiple()
        self.stand_still(handle)
        self.rescue()
        got = self._claim([handle[0]])
        assert set(got) == self._to_be_had([handle[0]])
        return multiple(*self._noted(got))

    @rule()
    def rescue(self) -> None:
        lapsed = [key for key, job in self.model.items() if job.state is JobState.RUNNING and job.lapsed]
        assert self.jobs.rescue() == len(lapsed)
        self._move(lapsed, JobState.AVAILABLE)

    @rule(group=st.sampled_from(GROUPS))
    def hold(self, group: str) -> None:
        waiting = self._in(group, JobState.AVAILABLE)
        assert self.jobs.move(group, [JobState.AVAILABLE], JobState.HELD) == len(waiting)
        self._move(waiting, JobState.HELD)

    @rule(group=st.sampled_from(GROUPS))
    def free(self, group: str) -> None:
        held = self._in(group, JobState.HELD)
        assert self.jobs.move(group, [JobState.HELD], JobState.AVAILABLE) == len(held)
        self._move(held, JobState.AVAILABLE)

    @rule(group=st.sampled_from(GROUPS))
    def drop(self, group: str) -> None:
        waiting = self._in(group, *WAITING)
        assert sorted(self._drop(group)) == sorted(waiting)
        self._move(waiting, JobState.CANCELLED)

    @precondition(lambda self: any(not job.due for job in self.model.values()))
    @rule()
    def time_passes(self) -> None:
        self._rows.update_many({"_id": {"$gte": ""}}, {"$set": {"run_at": LONG_AGO}})
        for job in self.model.values():
            job.due = True

    @invariant()
    def the_rows_are_what_the_model_says(self) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=1)
        stored = {
            row["_id"]: Model(
                row["group"],
                row["fair"],
                JobState(row["state"]),
                row["fence"],
                row["attempt"],
                row["run_at"] < soon,
                row["state"] == JobState.RUNNING and row["lease_until"] < soon,
            )
            for row in self._rows.find({"_id": {"$gte": ""}})
        }
        assert {key: asdict(job) for key, job in stored.items()} == {
            key: asdict(job) | {"lapsed": job.lapsed and job.state is JobState.RUNNING}
            for key, job in self.model.items()
        }

    @invariant()
    def what_is_offered_is_what_is_to_be_had(self) -> None:
        waiting = self.jobs.waiting(Queue.MESSAGES)
        offered = [key for fair in waiting for key in self.jobs.due(Queue.MESSAGES, fair, 100)]
        assert sorted(offered) == sorted(self._to_be_had(self.model))

    @invariant()
    def the_counts_add_up(self) -> None:
        ended = (JobState.COMPLETED, JobState.CANCELLED, JobState.DISCARDED)
        states = Counter(job.state for job in self.model.values() if job.state not in ended)
        assert self.jobs.counts() == {f"messages.{state}": number for state, number in states.items()}

    def _claim(self, keys: list[str]) -> dict[str, int]:
        return {job.id: job.fence for job in self.jobs.claim(keys, f"t{next(self._tokens)}", LEASE)}

    def _noted(self, got: dict[str, int]) -> list[Handle]:
        for key, fence in got.items():
            self.model[key].claimed()
            assert self.model[key].fence == fence
        return sorted(got.items())

    def _drop(self, group: str) -> list[str]:
        return self._store.atomically(lambda: self.jobs.cancel(group, WAITING))

    def _to_be_had(self, keys: Iterable[str]) -> set[str]:
        known = {key: self.model[key] for key in keys if key in self.model}
        return {key for key, job in known.items() if job.state is JobState.AVAILABLE and job.due}

    def _in(self, group: str, *states: JobState) -> list[str]:
        return [key for key, job in self.model.items() if job.group == group and job.state in states]

    def _move(self, keys: Iterable[str], state: JobState) -> None:
        for key in keys:
            self.model[key].state = state

    def _holds(self, handle: Handle) -> bool:
        return self.model[handle[0]].held_by(handle)


def _at_once(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    with ThreadPoolExecutor(2) as two:
        one, other = two.submit(first), two.submit(second)
        return one.result(), other.result()


@pytest.fixture
def own(settings: Settings) -> Iterator[tuple[Store, Any]]:
    """A store that no engine looks after, and its rows."""
    name = "/versant_model_"
    client = mongo_client(
        settings.model_copy(update={"mongodb_uri": settings.mongodb_uri.replace("/versant_", name)})
    )
    rows = client.get_default_database()[JOBS]
    rows.create_indexes(INDEXES[JOBS])
    yield Store(client), rows
    client.drop_database(rows.database.name)
    client.close()


@pytest.mark.timeout(1200)
def test_whatever_is_done_in_whatever_order_is_what_the_model_says(own: tuple[Store, Any]) -> None:
    tried = hypothesis.settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        phases=[Phase.generate, *([Phase.shrink] if LONG else [])],
        suppress_health_check=list(HealthCheck),
    )
    jobs: Any = lambda: Jobs(*own)  # noqa: E731 -- a factory does as well as the class that is asked for
    run_state_machine_as_test(jobs, settings=tried)
