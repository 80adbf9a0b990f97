"""Commands for whoever runs a server: migrate, doctor, forget-cache, openapi, problems."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from pymongo.errors import PyMongoError

from config.settings import SECRETS, Settings, production_faults, weak_secret
from routes._kit.openapi import openapi as document
from services.migrations import Migrator
from utils.clock import SystemClock
from utils.problems import Problem

OLDEST_MONGODB = (7, 0)
MOST_CLOCK_DRIFT_SECONDS = 2.0
OUR_PACKAGES = ("integrations", "routes", "services", "utils")
PROBLEMS_HEAD = """\
# Problems

Every error reply is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). `type`
is `/problems/<slug>`, a page of the server itself. `title`, `status` and `instance` (the request's id, which
`X-Request-Id` and the log carry too) are always there; `detail` and `errors` where there is more to say.
What HTTP itself names, such as an unknown URL or method, has the type `about:blank`.

Written by `make problems` from the classes below `Problem`: change their docstrings, not this file.

| status | slug | title | what it means and what to do |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and what to do if it is not fine."""

    name: str
    ok: bool
    detail: str
    serious: bool = True


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to what this version expects; make the first superadmin."""
    runtime = current_app.extensions["versant"]
    done = Migrator(runtime.store.db).run()
    click.echo(f"migrations applied: {', '.join(done) or 'none'}; indexes and validators are as declared")
    settings = runtime.settings
    if settings.superadmin_password and runtime.services.accounts.ensure_superadmin(
        settings.superadmin_username, settings.superadmin_password
    ):
        click.echo(f"superadmin {settings.superadmin_username} created")


@click.command("forget-cache")
@click.argument("pattern", default="*")
@with_appcontext
def forget_cache(pattern: str) -> None:
    """Put what every process remembers out of date: all, or what depends on a PATTERN such as 'courses:*'."""
    try:
        current_app.extensions["versant"].fresh.cache.invalidate_pattern(pattern)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    click.echo("every process loads it anew within a second")


@click.command("openapi")
@with_appcontext
def openapi() -> None:
    """Print the OpenAPI 3.1 document."""
    click.echo(json.dumps(document(current_app, current_app.config["PRODUCT_NAME"]), indent=2))


@click.command("problems")
@with_appcontext
def problems() -> None:
    """Print every problem type as the Markdown of docs/problems.md."""
    ours = (kind for kind in Problem.kinds() if kind.__module__.partition(".")[0] in OUR_PACKAGES)
    rows = sorted(
        f"| {int(kind.status)} | `{kind.slug()}` | {kind.title} | {' '.join((kind.__doc__ or '').split())} |"
        for kind in ours
    )
    click.echo(PROBLEMS_HEAD + "\n".join(rows))


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Look at settings, secrets, clocks and every dependency, and say what to do."""
    findings = list(_findings())
    for finding in findings:
        mark = click.style("ok  ", fg="green") if finding.ok else click.style("look", fg="red")
        click.echo(f"{mark} {finding.name}: {finding.detail}")
    if any(finding.serious and not finding.ok for finding in findings):
        raise SystemExit(1)


def _findings() -> Iterator[Finding]:
    runtime = current_app.extensions["versant"]
    yield from _settings(runtime.settings)
    try:
        yield from _mongodb(runtime.store.db)
        yield from _channels(runtime)
    except PyMongoError as error:
        what = f"does not answer ({type(error).__name__}); start it, or correct MONGODB_URI"
        yield Finding("MongoDB", False, what)
    for part in runtime.monitor.health():
        if part.name != "mongodb":
            what = f"answers in {part.extra['ping_ms']} ms" if part.ok else "does not answer; check its URL"
            yield Finding(part.name, part.ok, what, serious=runtime.monitor.required(part.name))
    if not runtime.settings.redis_url:
        yield Finding("redis", False, "REDIS_URL is not set: run one worker process only", serious=False)
    files = runtime.files.check()
    yield Finding(
        files.name, files.ok, files.detail if files.ok else f"{files.detail}; check S3_BUCKET and AWS_…"
    )


def _channels(runtime: Any) -> Iterator[Finding]:
    """Yield what keeps messages from leaving: a pause, an open breaker, or what the account says."""
    for channel in runtime.senders:
        state = runtime.services.channels.status(channel)
        why = [f"{state.provider}: {state.balance.detail}"]
        if state.paused:
            why.append(f"paused since {state.paused.since:%Y-%m-%d %H:%M} UTC: {state.paused.reason}")
        if waits := (state.breaker or {}).get("state", "closed") != "closed":
            why.append("its breaker is open: nothing is sent for now")
        fine = state.balance.usable and not state.paused and not waits
        yield Finding(str(channel), fine, "; ".join(why), serious=False)


def _settings(settings: Settings) -> Iterator[Finding]:
    faults, production = production_faults(settings), settings.production
    weak = [name for name in SECRETS if weak_secret(getattr(settings, name))]
    yield Finding("secrets", not weak, f"weak: {', '.join(weak).upper()}" if weak else "long and random")
    if settings.brevo_api_key:
        weak_token = weak_secret(settings.webhook_token)
        said = (
            "missing or weak: Brevo cannot tell what became of messages" if weak_token else "long and random"
        )
        yield Finding("WEBHOOK_TOKEN", not weak_token, said, serious=production)
    for fault in faults:
        yield Finding("production", False, fault, serious=production)
    if not faults:
        yield Finding("production", True, "these settings may serve real people")


def _mongodb(db: object) -> Iterator[Finding]:
    hello = db.command("hello", codec_options=db.codec_options)  # type: ignore[attr-defined]
    version = db.command("buildInfo")["versionArray"]  # type: ignore[attr-defined]
    named = ".".join(map(str, version[:3]))
    yield Finding("MongoDB", True, f"version {named} answers")
    old = tuple(version[:2]) < OLDEST_MONGODB
    advice = "fine for one machine; on servers use a supported release, current patch" if old else "supported"
    yield Finding("MongoDB version", not old, f"{named}: {advice}", serious=False)
    yield Finding(
        "replica set", "setName" in hello, hello.get("setName", "none: start mongod with --replSet")
    )
    drift = abs((hello["localTime"] - SystemClock().now()).total_seconds())
    fine = drift < MOST_CLOCK_DRIFT_SECONDS
    yield Finding("clock", fine, f"{drift:.1f} s from MongoDB's{'' if fine else '; run NTP on both'}", False)
