"""Chains: whatever is done to the rows behind the server's back is found, and the first such row is named."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from main import Runtime
from services.audit.area import AuditArea
from services.audit.chain import ChainKey
from services.audit.documents import GENESIS, AuditHead
from services.audit.repository import ChainRepository
from services.audit.verifying import Verifier
from services.migrations import CAMPUS_REQUIRED
from utils.clock import SystemClock
from utils.documents import new_id

ROWS = 8


@pytest.fixture
def audits(runtime: Runtime) -> AuditArea:
    """The audit log of the running app."""
    return runtime.audits


@pytest.fixture
def campus_id(audits: AuditArea) -> str:
    """A campus with some sealed rows."""
    campus_id = new_id()
    add(audits, campus_id, ROWS)
    sealed(audits, campus_id)
    return campus_id


def add(audits: AuditArea, campus_id: str | None, rows: int, action: str = "student.changed") -> None:
    for number in range(rows):
        audits.service.record(
            action, actor_id="a1", campus_id=campus_id, target=f"student:{number}", fields=["name"], rows=1.5
        )


def sealed(audits: AuditArea, campus_id: str | None) -> None:
    """Wait until nothing of a chain waits: the app's own sealer may be the one who does it."""
    while audits.verifier.check(campus_id).waiting:
        audits.sealer.tick()


def row(db: Any, campus_id: str, seq: int) -> Any:
    return db.audit.find_one({"campus_id": campus_id, "seq": seq})


def test_every_row_follows_the_one_before_it(audits: AuditArea, campus_id: str, db: Any) -> None:
    rows = list(db.audit.find({"campus_id": campus_id, "seq": {"$gt": 0}}, sort=[("seq", 1)]))

    assert [each["seq"] for each in rows] == list(range(1, ROWS + 1))
    assert [each["prev"] for each in rows] == [GENESIS, *(each["hash"] for each in rows[:-1])]
    state = audits.verifier.check(campus_id)
    assert (state.rows, state.broken, state.hash) == (ROWS, None, rows[-1]["hash"])


def test_a_chain_that_is_sealed_while_it_is_looked_at_is_there(runtime: Runtime, audits: AuditArea) -> None:
    class Sealed(ChainRepository):
        """The chains; whatever waits is sealed as soon as a head has been looked for."""

        def head(self, campus_id: str | None) -> AuditHead | None:
            found = super().head(campus_id)
            sealed(audits, campus_id)
            return found

    campus_id = new_id()
    add(audits, campus_id, 1)

    state = Verifier(Sealed(runtime.store), ChainKey(b"k")).check(campus_id)

    assert state.seq or state.waiting


def test_rows_of_the_platform_are_a_chain_of_their_own(audits: AuditArea, campus_id: str) -> None:
    add(audits, None, 2, "channel.resumed")
    sealed(audits, None)

    assert audits.verifier.check(None).rows == 2
    assert {None, campus_id} <= set(audits.verifier.chains())


def _edit(db: Any, campus_id: str) -> None:
    db.audit.update_one({"_id": row(db, campus_id, 3)["_id"]}, {"$set": {"detail.fields": ["nama"]}})


def _drop(db: Any, campus_id: str) -> None:
    db.audit.delete_one({"_id": row(db, campus_id, 3)["_id"]})


def _cut(db: Any, campus_id: str) -> None:
    db.audit.delete_many({"campus_id": campus_id, "seq": {"$gte": 3}})


def _swap(db: Any, campus_id: str) -> None:
    """Exchange the places of two rows, hashes and all."""
    places = {seq: row(db, campus_id, seq) for seq in (3, 4)}
    db.audit.update_one({"_id": places[4]["_id"]}, {"$set": {"seq": 999}})
    for old, new in ((3, 4), (4, 3)):
        place = {name: places[new][name] for name in ("seq", "prev", "hash")}
        db.audit.update_one({"_id": places[old]["_id"]}, {"$set": place})


def _move_to_another_campus(db: Any, campus_id: str) -> None:
    db.audit.update_one({"_id": row(db, campus_id, 3)["_id"]}, {"$set": {"campus_id": new_id()}})


def _forge(db: Any, campus_id: str) -> None:
    """Put a row of another place in the place of one."""
    place = row(db, campus_id, 3)
    db.audit.delete_one({"_id": place["_id"]})
    db.audit.insert_one({**place, "_id": new_id(), "actor_id": "somebody else"})


@pytest.mark.parametrize("meddle", [_edit, _drop, _cut, _swap, _move_to_another_campus, _forge])
def test_the_first_row_that_is_not_as_it_was_written_is_named(
    audits: AuditArea, campus_id: str, db: Any, meddle: Callable[[Any, str], None]
) -> None:
    meddle(db, campus_id)

    broken = audits.verifier.check(campus_id).broken

    assert broken is not None
    assert broken.seq == 3


def test_a_row_that_no_server_has_added_is_named_once_it_is_sealed(
    audits: AuditArea, campus_id: str, db: Any
) -> None:
    forged = {**row(db, campus_id, 3), "_id": new_id(), "seq": None, "prev": None, "hash": None}
    db.audit.insert_one(forged)
    sealed(audits, campus_id)

    broken = audits.verifier.check(campus_id).broken

    assert broken is not None
    assert (broken.seq, broken.row_id) == (ROWS + 1, forged["_id"])


def test_a_row_beyond_the_head_is_named(audits: AuditArea, campus_id: str, db: Any) -> None:
    db.audit.insert_one({**row(db, campus_id, ROWS), "_id": new_id(), "seq": ROWS + 1})

    broken = audits.verifier.check(campus_id).broken

    assert broken is not None
    assert broken.seq == ROWS + 1


@pytest.mark.parametrize("change", [{"hash": "f" * 64}, {"seq": ROWS - 1}, {"seq": ROWS + 1}])
def test_a_changed_head_is_noticed(
    audits: AuditArea, campus_id: str, db: Any, change: dict[str, Any]
) -> None:
    db.audit_heads.update_one({"_id": campus_id}, {"$set": change})

    assert audits.verifier.check(campus_id).broken is not None


def test_a_chain_without_its_head_is_noticed(audits: AuditArea, campus_id: str, db: Any) -> None:
    db.audit_heads.delete_one({"_id": campus_id})

    assert campus_id in audits.verifier.chains()
    assert audits.verifier.check(campus_id).broken is not None


def test_who_has_another_key_cannot_make_a_chain(runtime: Runtime, campus_id: str) -> None:
    stranger = AuditArea.over(runtime.store, "another secret", SystemClock())

    broken = stranger.verifier.check(campus_id).broken

    assert broken is not None
    assert broken.seq == 1


def test_a_look_at_the_newest_rows_begins_where_it_should(audits: AuditArea, campus_id: str, db: Any) -> None:
    _edit(db, campus_id)

    assert audits.verifier.check(campus_id, newest=4).broken is None
    assert audits.verifier.check(campus_id, newest=4).rows == 4
    assert audits.verifier.check(campus_id, newest=6).broken is not None


def test_a_row_whose_transaction_took_long_is_sealed_later(
    audits: AuditArea, runtime: Runtime, db: Any
) -> None:
    campus_id, begun, go_on = new_id(), threading.Event(), threading.Event()

    def slow() -> None:
        add(audits, campus_id, 1, "late")
        begun.set()
        assert go_on.wait(60)

    late = threading.Thread(target=lambda: runtime.store.atomically(slow))
    late.start()
    assert begun.wait(60)
    add(audits, campus_id, 3)
    sealed(audits, campus_id)
    go_on.set()
    late.join()
    sealed(audits, campus_id)

    assert row(db, campus_id, 4)["action"] == "late"
    assert audits.verifier.check(campus_id).broken is None


def test_many_sealers_make_one_chain(audits: AuditArea, runtime: Runtime) -> None:
    campus_id, others = (
        new_id(),
        [AuditArea.over(runtime.store, runtime.settings.receipt_key, SystemClock()) for _ in range(3)],
    )
    going = threading.Event()

    def keep_sealing(area: AuditArea) -> None:
        while not going.is_set():
            area.sealer.tick()

    threads = [threading.Thread(target=keep_sealing, args=(area,)) for area in others]
    for thread in threads:
        thread.start()
    add(audits, campus_id, 60)
    sealed(audits, campus_id)
    going.set()
    for thread in threads:
        thread.join()

    state = audits.verifier.check(campus_id)
    assert (state.rows, state.waiting, state.broken) == (60, 0, None)


@pytest.mark.parametrize("step", ["hold", "still_unsealed", "seal", "advance"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_sealer_may_die_at_any_line(
    audits: AuditArea, monkeypatch: pytest.MonkeyPatch, runtime: Runtime, step: str, when: str
) -> None:
    class Died(Exception):
        """The process is gone."""

    campus_id, real = new_id(), getattr(ChainRepository, step)
    mine = threading.get_ident()

    def dies(self: Any, *arguments: Any) -> Any:
        if threading.get_ident() != mine:  # the app's own sealer lives
            return real(self, *arguments)
        if when == "after":
            real(self, *arguments)
        raise Died()

    runtime.supervisor.stop()
    try:
        add(audits, campus_id, 3)
        with monkeypatch.context() as patched:
            patched.setattr(ChainRepository, step, dies)
            with pytest.raises(Died):
                audits.sealer.tick()
        assert audits.verifier.check(campus_id).waiting == 3
        audits.sealer.tick()
    finally:
        runtime.supervisor.start()

    state = audits.verifier.check(campus_id)
    assert (state.rows, state.waiting, state.broken) == (3, 0, None)


def test_a_note_is_not_there_when_its_transaction_is_not(
    audits: AuditArea, runtime: Runtime, db: Any
) -> None:
    def work() -> None:
        audits.service.note("noted", actor_id="a1", campus_id=None, target="nobody")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        runtime.store.atomically(work)
    audits.service.note("noted", actor_id="a1", campus_id=None, target="somebody")

    assert [each["target"] for each in db.audit.find({"action": "noted"})] == ["somebody"]


def test_a_note_never_fails_what_it_tells_of(
    audits: AuditArea, db: Any, caplog: pytest.LogCaptureFixture
) -> None:
    db.command("collMod", "audit", validator={"$jsonSchema": {"required": ["room for more"]}})
    try:
        audits.service.note("noted", actor_id="a1", campus_id=None, target="somebody")
    finally:
        db.command("collMod", "audit", validator={"$jsonSchema": CAMPUS_REQUIRED})

    assert "did not take noted" in caplog.text
