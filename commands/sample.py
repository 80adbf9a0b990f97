"""The main job on a sample roster, as ``make run`` shows it: over HTTP, like any client."""

import time
from pathlib import Path
from typing import Any, Final

import click

from commands.remote import Remote, remote_from
from commands.rosters import apply, in_words, upload

ROSTER: Final = Path(__file__).resolve().parent.parent / "samples" / "roster_500.xlsx"
CAMPUS: Final = {"name": "Sample Campus", "code": "SAMPLE", "timezone": "Asia/Kolkata"}
COURSES: Final = ("CSE", "ECE")
BATCH: Final = "Sample Batch"


@click.command("sample")
@click.option("--url", required=True)
@click.option("--data-dir", default="data", envvar="DATA_DIR", type=click.Path(path_type=Path))
def sample(url: str, data_dir: Path) -> None:
    """Import samples/roster_500.xlsx and watch its 1,000 messages arrive in the outbox."""
    begun = time.monotonic()
    remote = remote_from(url, None, None, data_dir)
    preview = upload(remote, ROSTER, {"batch_id": _batch(remote)})
    click.echo(in_words(preview))
    applied = apply(remote, preview, ["email", "sms"])
    click.echo(_summary(remote, applied, time.monotonic() - begun))


def _batch(remote: Remote) -> str:
    """Return the sample's batch; make what is missing of it, so that a sample that died can be run again."""
    campus_id = _one(remote, "/campus_management/campuses", CAMPUS, {})
    course_ids = [
        _one(remote, "/course_management/courses", {"campus_id": campus_id, "name": code, "code": code}, {})
        for code in COURSES
    ]
    batch = {"campus_id": campus_id, "name": BATCH, "course_ids": course_ids}
    return _one(remote, "/batch_management/batches", batch, {"campus_id": campus_id})


def _one(remote: Remote, path: str, wanted: dict[str, Any], filters: dict[str, str]) -> str:
    found = remote.call("GET", path, params={"limit": 200, **filters})["items"]
    same = [row["id"] for row in found if row["name"] == wanted["name"]]
    return str(same[0] if same else remote.call("POST", path, json=wanted)["id"])


def _summary(remote: Remote, applied: Any, seconds: float) -> str:
    counts = applied["counts"]
    job = remote.call("GET", f"/batch_processing/jobs/{applied['job_id']}") if applied["job_id"] else None
    sent = job["counts"]["delivered"] if job else 0
    lines = [
        "",
        f"  students   {counts['new']} accounts, {counts['error']} rows with errors",
        f"  messages   {sent} delivered to the outbox (email and SMS)",
        f"  seconds    {seconds:.1f}",
        "",
        f"  console    {remote.url}/console",
        f"  interface  {remote.url}/docs",
        f"  outbox     {remote.url}/console#/outbox",
        "",
    ]
    return "\n".join(lines)
