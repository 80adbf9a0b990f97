"""Commands for rosters and the jobs that they start: import-roster, watch-job, retry-failed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from commands.remote import Remote, remote_from

IMPORTS: Final = "/student_management/imports"
JOBS: Final = "/batch_processing/jobs"

server_options = [
    click.option("--url", default="http://127.0.0.1:8000", envvar="PUBLIC_URL", help="the server"),
    click.option("--username", help="who signs in; the local superadmin without"),
    click.option("--password", envvar="VERSANT_PASSWORD", help="asked for when it is missing"),
    click.option("--data-dir", default="data", envvar="DATA_DIR", type=click.Path(path_type=Path)),
]


def with_server(command: Any) -> Any:
    """Give a command the options that find a server and sign in."""
    for option in reversed(server_options):
        command = option(command)
    return command


@click.command("import-roster")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--batch", "batch_id", required=True, help="id of the batch that the students join")
@click.option("--courses", default="", help="ids of courses, comma-separated, when the file has no Group")
@click.option("--channels", default="email,sms", show_default=True, help="how new students are told")
@click.option("--dry-run", is_flag=True, help="only show what would happen")
@with_server
def import_roster(
    file: Path,
    batch_id: str,
    courses: str,
    channels: str,
    dry_run: bool,
    url: str,
    username: str | None,
    password: str | None,
    data_dir: Path,
) -> None:
    """Import a roster (.csv or .xlsx) and watch every message go out."""
    remote = remote_from(url, username, password, data_dir)
    preview = upload(remote, file, {"batch_id": batch_id, "course_ids": courses})
    click.echo(in_words(preview))
    if preview["counts"]["error"]:
        click.echo(f"the bad rows, to correct: {remote.url}{IMPORTS}/{preview['id']}/errors.csv")
    if not dry_run:
        apply(remote, preview, [channel for channel in channels.split(",") if channel])


@click.command("watch-job")
@click.argument("job_id")
@with_server
def watch_job(job_id: str, url: str, username: str | None, password: str | None, data_dir: Path) -> None:
    """Watch a batch job to its end."""
    _watch(remote_from(url, username, password, data_dir), job_id)


@click.command("retry-failed")
@click.argument("job_id")
@click.option("--unknown", is_flag=True, help="also those that may have arrived: some get it twice")
@with_server
def retry_failed(
    job_id: str, unknown: bool, url: str, username: str | None, password: str | None, data_dir: Path
) -> None:
    """Send the failed messages of a batch job again, and watch it to its end."""
    remote = remote_from(url, username, password, data_dir)
    remote.call("POST", f"{JOBS}/{job_id}/retry_failed", json={"include_unknown": unknown})
    _watch(remote, job_id)


def _watch(remote: Remote, job_id: str) -> None:
    job = follow(remote, job_id)
    click.echo(job_in_words(job))
    raise SystemExit(1 if job["counts"]["failed"] or job["counts"]["unknown"] else 0)


def upload(remote: Remote, file: Path, form: Mapping[str, str]) -> Mapping[str, Any]:
    """Upload a roster and return its preview; end the command when the file cannot be used."""
    with file.open("rb") as content:
        made = remote.call("POST", IMPORTS, data=dict(form), files={"file": (file.name, content)})
    path = f"{IMPORTS}/{made['id']}"
    with _bar() as bar:
        task = bar.add_task(f"reading {file.name}", total=None)
        for state in remote.watch("import_id", made["id"], "import:progress", path):
            bar.update(task, completed=state["rows_done"])
    final: Mapping[str, Any] = remote.call("GET", path)
    if final["state"] == "failed":
        raise click.ClickException(final["failure"]["detail"])
    return final


def apply(remote: Remote, preview: Mapping[str, Any], channels: list[str]) -> Mapping[str, Any]:
    """Commit a preview, follow it and its messages to the end; return the applied import."""
    path = f"{IMPORTS}/{preview['id']}"
    made = remote.call("POST", f"{path}/commit", json={"channels": channels})
    counts = preview["counts"]
    with _bar() as bar:
        task = bar.add_task("adding students", total=counts["new"] + counts["changed"])
        for state in remote.watch("import_id", preview["id"], "import:progress", path):
            bar.update(task, completed=state["rows_done"])
    if made["job_id"]:
        click.echo(job_in_words(follow(remote, made["job_id"])))
    applied: Mapping[str, Any] = remote.call("GET", path)
    return applied


def follow(remote: Remote, job_id: str) -> Mapping[str, Any]:
    """Show a batch job live until its end; return it as it ended."""
    with _bar() as bar:
        task = bar.add_task("sending messages", total=None)
        for state in remote.watch("job_id", job_id, "batch_job:progress", f"{JOBS}/{job_id}"):
            waiting = state["counts"]["pending"] + state["counts"]["sending"]
            bar.update(task, total=state["total"], completed=state["total"] - waiting)
    job: Mapping[str, Any] = remote.call("GET", f"{JOBS}/{job_id}")
    return job


def in_words(preview: Mapping[str, Any]) -> str:
    """Return a preview's counts as a sentence."""
    counts = preview["counts"]
    named = ", ".join(f"{counts[name]} {name}" for name in ("new", "changed", "same", "error"))
    return f"{preview['filename']}: {counts['total']} rows: {named}"


def job_in_words(job: Mapping[str, Any]) -> str:
    """Return a job's counts as a sentence."""
    named = ", ".join(f"{count} {state}" for state, count in job["counts"].items() if count)
    return f"job {job['id']} {job['state']}: {job['total']} messages: {named or 'none'}"


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
