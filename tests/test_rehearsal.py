"""rehearse-exam: a whole exam over HTTP with students who do not exist, and nothing of it afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from commands.rehearsal_stage import Stage
from commands.rehearsals import rehearse_exam
from commands.synthetic_students import Log, SyntheticStudent

SMALL = ("--students", "3", "--seconds", "1", "--every", "0.5", "--questions", "2", "--burst", "0.3")
# What says that something was done, and what passes by itself.
KEPT = {
    "audit",
    "audit_heads",
    "cache_tags",
    "engine_jobs",
    "idempotency",
    "login_throttle",
    "server_processes",
}


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the app over HTTP while the block runs; yield its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def everything(db: Any) -> dict[str, set[str]]:
    """Return the ids of all rows that are not kept on purpose."""
    names = set(db.list_collection_names()) - KEPT
    stored = {name: {str(row["_id"]) for row in db[name].find()} for name in names}
    return {name: ids for name, ids in stored.items() if ids}


def test_a_rehearsal_says_how_it_went_and_leaves_no_trace(app: Flask, db: Any, outbox: Any) -> None:
    before = everything(db)

    with served(app) as url:
        done = app.test_cli_runner().invoke(rehearse_exam, ["--url", url, "--slow", "60000", *SMALL])

    assert done.exit_code == 0, done.output
    assert "3 of 3 have logged in" in done.output
    assert "capacity: " in done.output
    assert "everything that was acknowledged is stored; nothing failed" in done.output
    assert everything(db) == before
    assert outbox() == []


def test_what_a_rehearsal_that_died_has_left_is_removed_by_the_next(
    app: Flask, db: Any, runtime: Any
) -> None:
    before = everything(db)
    tokens = Stage(runtime.services).build(2, 1, 30)
    with served(app) as url:
        student = SyntheticStudent(url, *next(iter(tokens.items())), Log())
        student.arrive()
        student.start(str(db.tests.find_one()["_id"]))
        student.save()
    assert db.attempts.count_documents({}) == 1

    done = app.test_cli_runner().invoke(rehearse_exam, ["--clean"])

    assert done.exit_code == 0, done.output
    assert everything(db) == before


def test_what_was_acknowledged_and_is_gone_is_told(app: Flask, db: Any, runtime: Any) -> None:
    log, stage = Log(), Stage(runtime.services)
    with served(app) as url:
        [student] = [SyntheticStudent(url, *one, log) for one in stage.build(1, 1, 30).items()]
        student.arrive()
        student.start(stage.test_id)
        student.save()
        db.attempts.update_one({}, {"$set": {"answers": {}}})
        student.check()

    assert len(log.lost) == 1
