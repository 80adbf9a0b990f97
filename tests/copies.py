"""What a cast made before, put down again row for row where everything lies as it lay then.

To invite somebody, follow the link and log in takes a tenth of a second, which two thousand tests would spend
on the same two campuses. So it is done through the front door once a while, and repeated only where the
database is, by its hash, exactly what that was done upon. Everywhere else it is done anew.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from main import Runtime
from services.accounts.principals import CHANGED

T = TypeVar("T")
AUDIT: Final = "audit"  # to which rows are only added, and sealed a second later by whoever looks after them
UNSEALED: Final = {"seq": None, "prev": None, "hash": None}
# what a process writes for itself, at any time
NOT_COPIED: Final = frozenset({AUDIT, "audit_heads", "cache_tags", "server_processes"})
EMPTY: Final = "d41d8cd98f00b204e9800998ecf8427e"  # the hash of no rows
LONGEST_SECONDS: Final = 120.0  # rows are as old as that at most, and tokens as valid as ever

State: TypeAlias = frozenset[tuple[str, str]]  # every collection that holds rows, with its hash


@dataclass(frozen=True, slots=True)
class Copy:
    """``rows``: of every collection that was changed, all. ``logged``, ``letters``: what came meanwhile."""

    made: Any
    made_at: float
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    logged: Sequence[Mapping[str, Any]]
    letters: bytes


class Copies:
    """What was made in this process, by what it was made upon: by nothing, or by what was made before."""

    def __init__(self, runtime: Runtime, looking: Any, at_rest: Callable[[], None]) -> None:
        self._runtime, self._looking, self._at_rest = runtime, looking, at_rest
        self._kept: dict[tuple[State, str], Copy] = {}
        self._known: set[State] = {frozenset()}  # the states that can come about a second time
        self._outbox = runtime.settings.data_dir / "outbox.jsonl"

    def made(self, what: str, make: Callable[[], T]) -> T:
        """Return what ``make`` returns, or returned when everything lay as it lies now."""
        before = self._lying()
        if before not in self._known:
            return make()
        oldest = time.monotonic() - LONGEST_SECONDS
        self._kept = {key: copy for key, copy in self._kept.items() if copy.made_at > oldest}
        if kept := self._kept.get((before, what)):
            self._put_down(kept)
        else:
            kept = self._kept[before, what] = self._copied(before, make)
        made: T = kept.made
        return made

    def _lying(self) -> State:
        return frozenset(
            (name, of_it) for name, of_it in filled(self._looking).items() if name not in NOT_COPIED
        )

    def _copied(self, before: State, make: Callable[[], Any]) -> Copy:
        sent, made_at, old = len(self._letters()), time.monotonic(), {row["_id"] for row in self._log()}
        made = make()
        self._at_rest()
        after = self._lying()
        self._known.add(after)
        rows = {name: list(self._looking[name].find()) for name in dict(before ^ after)}
        logged = [{**row, **UNSEALED} for row in self._log() if row["_id"] not in old]
        return Copy(made, made_at, rows, logged, self._letters()[sent:])

    def _log(self) -> Sequence[Mapping[str, Any]]:
        return list(self._looking[AUDIT].find())

    def _letters(self) -> bytes:
        return self._outbox.read_bytes() if self._outbox.exists() else b""

    def _put_down(self, copy: Copy) -> None:
        """Replace whole collections: what lies there now is what lay there before the copy was made."""

        def work(session: Any) -> None:
            for name in copy.rows:
                self._looking[name].delete_many({}, session=session)
            for name, rows in [*copy.rows.items(), (AUDIT, copy.logged)]:
                if rows:
                    self._looking[name].insert_many(rows, session=session)

        with self._looking.client.start_session() as session:
            session.with_transaction(work)
        self._runtime.fresh.versions.forget()
        for user in copy.rows.get("users", ()):
            self._runtime.bus.publish(CHANGED, {"user_id": user["_id"]})
        if copy.letters:
            with open(os.open(self._outbox, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
                file.write(copy.letters)


def filled(db: Any) -> dict[str, str]:
    """Return every collection that holds rows, with their hash; but for the one that is never emptied."""
    found = db.command("dbHash")["collections"]
    return {name: of_it for name, of_it in found.items() if of_it != EMPTY and name != "migrations"}
