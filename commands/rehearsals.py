"""The command rehearse-exam: a whole exam with students who do not exist, against a running server."""

import time
from collections.abc import Iterator
from typing import Final

import click
from flask import current_app
from flask.cli import with_appcontext

from commands.rehearsal_stage import Stage
from commands.synthetic_students import AT_THE_DOOR, Log, SyntheticStudent, burst, each, paced

LONGEST_STUDENTS: Final = 2_000
SPARE_MINUTES: Final = 30
MS: Final = 1_000


@click.command("rehearse-exam")
@click.option("--url", default="http://127.0.0.1:8000", envvar="PUBLIC_URL", help="the server")
@click.option("--students", default=50, show_default=True, type=click.IntRange(1, LONGEST_STUDENTS))
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(1, 3600), help="of saving")
@click.option(
    "--every", default=10.0, show_default=True, type=click.FloatRange(0.1, 600), help="seconds a save"
)
@click.option("--questions", default=20, show_default=True, type=click.IntRange(1, 200))
@click.option(
    "--burst", "burst_seconds", default=5.0, show_default=True, help="seconds at full speed; 0: none"
)
@click.option("--slow", default=300.0, show_default=True, help="milliseconds beyond which a save is slow")
@click.option("--clean", is_flag=True, help="only remove what a rehearsal that died has left")
@with_appcontext
def rehearse_exam(
    url: str,
    students: int,
    seconds: float,
    every: float,
    questions: int,
    burst_seconds: float,
    slow: float,
    clean: bool,
) -> None:
    """Let students who do not exist sit an exam, say how the server did, and leave no trace.

    Nobody is sent anything. What is left is in the audit log. At full speed others notice it: not during an
    exam, then.
    """
    stage = Stage(current_app.extensions["versant"].services)
    if removed := stage.strike_all():
        click.echo(f"removed what {removed} earlier rehearsals had left")
    if clean:
        return
    log = Log()
    try:
        click.echo(f"building: {students} students, {questions} questions")
        tokens = stage.build(students, questions, SPARE_MINUTES + int(seconds // 60))
        everybody = [SyntheticStudent(url.rstrip("/"), name, token, log) for name, token in tokens.items()]
        rate = _perform(everybody, stage.test_id, seconds, every, burst_seconds)
    finally:
        stage.strike_all()
        click.echo("removed")
    faults = report(log, rate, every, slow)
    raise SystemExit(1 if faults else 0)


def _perform(
    students: list[SyntheticStudent], test_id: str, seconds: float, every: float, burst_seconds: float
) -> float:
    """Go through an exam; return how many saves a second there were at full speed."""
    everybody = len(students)
    begun = time.monotonic()
    here = each(students, SyntheticStudent.arrive, AT_THE_DOOR)
    click.echo(f"{len(here)} of {everybody} have logged in, in {time.monotonic() - begun:.1f} s")
    here = each(here, lambda student: student.start(test_id), max(1, len(here)))
    click.echo(f"{len(here)} have begun, all at one moment; saving for {seconds:g} s")
    paced(here, seconds, every)
    rate = burst(here, burst_seconds) if burst_seconds > 0 and here else 0.0
    each(here, SyntheticStudent.check, AT_THE_DOOR)
    each(here, SyntheticStudent.submit, max(1, len(here)))
    return rate


def report(log: Log, rate: float, every: float, slow: float) -> list[str]:
    """Print what was measured; return what is wrong."""
    click.echo(
        f"\n{'step':<10}{'requests':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'repeated':>10}{'failed':>8}"
    )
    for name, step in log.steps.items():
        quantiles = "".join(f"{MS * step.quantile(share):>9.1f}" for share in (0.5, 0.95, 0.99))
        failed = sum(step.failed.values())
        click.echo(f"{name:<10}{len(step.seconds):>9}{quantiles}{step.repeated:>10}{failed:>8}")
    if rate:
        click.echo(
            f"\ncapacity: {rate:.0f} saves/s: about {int(rate * every)} students who save every {every:g} s"
        )
    faults = list(_faults(log, slow))
    for fault in faults:
        click.echo(f"{click.style('look', fg='red')} {fault}")
    if not faults:
        click.echo(
            f"{click.style('ok  ', fg='green')} everything that was acknowledged is stored; nothing failed"
        )
    return faults


def _faults(log: Log, slow: float) -> Iterator[str]:
    for name, step in log.steps.items():
        for why, times in step.failed.items():
            yield f"{name}: {times} came to nothing: {why}"
    yield from (f"lost: {what}" for what in log.lost)
    save = log.steps.get("save")
    if save is not None and MS * save.quantile(0.99) > slow:
        yield f"save: one in a hundred took longer than {slow:g} ms"
