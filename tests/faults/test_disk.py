"""The disk is full: uploads are refused, messages wait, none is lost, torn or written twice."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from main import Runtime
from tests.cast import Cast, roster
from tests.faults.client import PatientClient
from tests.faults.product import Product
from tests.faults.rosters import RosterMaker
from tests.faults.uploads import make_batch, upload
from tests.waiting import until

pytestmark = [pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

IMPORTS: Final = "/student_management/imports"
FULL: Final = {"outbox: No space left on device", "outbox: File too large"}
ROOM: Final = 20_000  # bytes: a few messages, then the middle of one


def written(product: Product) -> list[str]:
    """Return the delivery id of every line; fails where a line is torn."""
    content = (product.data_dir / "outbox.jsonl").read_text()
    return [str(json.loads(line)["delivery_id"]) for line in content.splitlines()]


def delivered(product: Product) -> list[str]:
    rows = product.db["deliveries"].find({"state": "delivered"}, {"_id": 1}, comment="faults")
    return [str(row["_id"]) for row in rows]


def imported(client: PatientClient, rosters: RosterMaker, batch_id: str) -> str:
    """Return the path of the job that tells the students of one more roster."""
    shown = upload(client, rosters.make(150), batch_id)
    applied = ended(client, f"{IMPORTS}/{shown['id']}")
    return f"/batch_processing/jobs/{applied['job_id']}"


def ended(client: PatientClient, path: str) -> Any:
    def over() -> Any:
        shown = client.get(path)
        return shown if shown["state"] in ("applied", "completed") else None

    return until(over, f"the end of {path}", 120.0, seen=lambda: client.get(path))


def allow(product: Product, size: int) -> None:
    """Let the workers write no file beyond ``size``: a write then fails as it does on a full disk."""
    for worker in product.pids().workers:
        _, most = resource.prlimit(worker, resource.RLIMIT_FSIZE)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (size, most))


@contextmanager
def no_room(size: int) -> Iterator[None]:
    """Let this process write no file beyond ``size`` while the block runs."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_upload_for_which_there_is_no_room_is_refused_and_leaves_nothing(
    cast: Cast, runtime: Runtime, at_rest: Any
) -> None:
    lines = [f"CSE,{number:05},Student Number {number},,s{number}@example.com" for number in range(2000)]
    form = {"batch_id": cast.north.batch_id, "dry_run": "true"}
    folder = runtime.settings.data_dir / "files" / "imports"

    with no_room(len("".join(lines)) // 2):
        refused = cast.north.admin.http.post(IMPORTS, data={**form, "file": roster(*lines)})

    assert (refused.status_code, refused.get_json()["detail"]) == (503, "There is no room for files now.")
    assert refused.headers["Retry-After"] == "60"
    assert cast.north.admin.get(IMPORTS)["items"] == []
    assert not folder.exists() or list(folder.iterdir()) == []
    taken = cast.north.admin.post(IMPORTS, status=202, data={**form, "file": roster(*lines[:5])})
    at_rest()
    assert cast.north.admin.get(f"{IMPORTS}/{taken['id']}")["state"] == "previewed"


@pytest.mark.slow
def test_messages_wait_until_the_disk_has_room_again(folder: Path) -> None:
    with Product(folder, {"LOG_LEVEL": "WARNING"}) as product:
        # Given an outbox that is larger than any other file of the workers, and little room after it
        client, rosters = PatientClient(product.url), RosterMaker(3)
        client.log_in(product.data_dir / "superadmin.json")
        batch_id = make_batch(client)
        ended(client, imported(client, rosters, batch_id))
        allow(product, (product.data_dir / "outbox.jsonl").stat().st_size + ROOM)

        # When more is to be written
        job = imported(client, rosters, batch_id)

        def reasons() -> set[str | None]:
            return {row["last_error"] for row in client.pages(f"{job}/recipients?state=pending")}

        until(lambda: reasons() & FULL, "why it waits", seen=reasons)
        waiting = until(lambda: (shown := client.get(job))["counts"]["sending"] == 0 and shown, "a pause")

        # Then it waits and says why, and what is written is whole
        assert waiting["state"] == "running"
        assert waiting["counts"]["pending"] > 0
        assert reasons() <= FULL | {None}
        until(lambda: sorted(written(product)) == sorted(delivered(product)), "what is written is noted")

        # And when there is room again, everybody gets their message, once
        allow(product, resource.RLIM_INFINITY)
        product.hurry()
        counts = ended(client, job)["counts"]
        assert counts["delivered"] + counts["skipped"] == sum(counts.values())
        assert sorted(written(product)) == sorted(delivered(product))
