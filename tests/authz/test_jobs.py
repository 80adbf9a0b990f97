"""Background jobs get ids: of what is gone, or of two places at once, nothing comes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from flask import Flask

from main import Runtime
from services.accounts.forgotten import FORGOTTEN_JOB
from services.batch_jobs.retention import RETENTION_JOB
from services.batch_jobs.retrying import RETRY_JOB
from services.exam_room.orders import ORDER_JOB
from services.exam_room.retiming import RETIME_JOB
from services.files.checking import SWEEP_JOB
from services.ports import Lease
from services.results.service import MARK_JOB
from tests.authz.walk import Walk
from tests.authz.world import CAMPUSES, NOTHINGS, Kind, Relation, World

pytestmark = pytest.mark.xdist_group("authz")

NOBODY: Final = NOTHINGS[Relation.MISSING]
# Kinds of jobs that no row is named to. A new one here is a decision to be reviewed.
NAME_NO_ROW: Final = {
    FORGOTTEN_JOB: "takes what somebody typed, and answers the owner only",
    RETENTION_JOB: "looks at every job that has ended long ago, for the platform",
    SWEEP_JOB: "looks at every file that nobody has finished, for the platform",
}


@pytest.fixture(autouse=True)
def all_is_put_back(walk: Walk) -> Iterator[None]:
    yield
    walk.effects.undo(walk.effects.changed())


def stored(world: World, name: str) -> list[dict[str, Any]]:
    """Return the arguments of the jobs of a kind that the world has seen, those that wait among them."""
    found = [dict(job["args"]) for job in world.snapshot["engine_jobs"] if job["name"] == name]
    if name == RETRY_JOB:  # nobody has asked for one yet
        found = [
            {"campus_id": row.campus_id, "job_id": row.id, "states": ["failed"]}
            for one in (Relation.OWN, Relation.FOREIGN)
            if (row := world.target(Kind.GIVEN_UP_JOB, one))
        ]
    if name == MARK_JOB:  # its answers were put there without their submit
        rows = world.rows["test_results"].values()
        found = [{"campus_id": row.campus_id, "attempt_id": row.id} for row in rows]
    if name == ORDER_JOB:
        rows = world.rows["exam_orders"].values()
        found = [{"campus_id": row.campus_id, "order_id": row.id} for row in rows]
    if name == RETIME_JOB:
        rows = world.rows["tests"].values()
        found = [{"campus_id": row.campus_id, "test_id": row.id} for row in rows]
    return found


def spoiled(world: World, args: Mapping[str, Any], others: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the arguments with nobody's id, or that of another campus, in each place of an id."""
    theirs = [other for other in others if other.get("campus_id") not in (None, args.get("campus_id"))]
    campuses = [world.campus_ids[campus] for campus in CAMPUSES]
    for name in (one for one in args if one.endswith("_id")):
        yield {**args, name: NOBODY}
        yield from ({**args, name: other[name]} for other in theirs[:1] if name in other)
        if name == "campus_id":
            yield from ({**args, name: other} for other in campuses if other != args[name])


def test_a_job_whose_ids_do_not_belong_together_does_nothing(walk: Walk, walked: Flask, world: World) -> None:
    runtime: Runtime = walked.extensions["versant"]
    left: list[str] = []
    tried: set[str] = set()

    for name, handler in runtime.engine._handlers.items():
        jobs = stored(world, name)
        for args in (one for job in jobs for one in spoiled(world, job, jobs)):
            handler.run(Lease("none", 1, args, 1, lambda: True))
            handler.dead(args, "it ran too often")
            if changed := walk.effects.changed():
                left.append(f"{name} {args}: {changed}")
                walk.effects.undo(changed)
            tried.add(name)

    assert "\n".join(left) == ""
    assert runtime.engine._handlers.keys() - tried == NAME_NO_ROW.keys()
