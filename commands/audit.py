"""The command verify-audit: is the audit log as it was written?"""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from services.audit.area import AuditArea
from services.audit.export import NotAnExport, read
from services.audit.verifying import ChainState


@click.command("verify-audit")
@click.option("--campus", "campus_id", help="id of one campus, or 'platform'; all chains without")
@click.option("--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--gaps", is_flag=True, help="the file was exported with filters: rows are missing in between")
@click.option("--here", is_flag=True, help="the last row of the file has to be in the database, too")
@with_appcontext
def verify_audit(campus_id: str | None, path: Path | None, gaps: bool, here: bool) -> None:
    """Check the chains of the audit log, or an exported FILE, and name the first row that is broken.

    A file is checked with the key of these settings (RECEIPT_KEY); it needs no database.
    """
    audits: AuditArea = current_app.extensions["versant"].audits
    states = _of_file(audits, path, gaps, here) if path else _of_database(audits, campus_id)
    for state in states:
        click.echo(in_words(state))
    if any(state.broken for state in states):
        raise SystemExit(1)


def in_words(state: ChainState) -> str:
    """Return how a chain does, as a line."""
    name = f"campus {state.campus_id}" if state.campus_id else "platform"
    if state.broken is None:
        mark, found = click.style("ok  ", fg="green"), f"{state.rows} rows up to {state.seq} ({state.hash})"
    else:
        row = f" (id {state.broken.row_id})" if state.broken.row_id else ""
        found = f"row {state.broken.seq}{row} {state.broken.what}"
        mark = click.style("look", fg="red")
    waiting = f"; {state.waiting} wait for their seal" if state.waiting else ""
    return f"{mark} {name}: {found}{waiting}"


def _of_database(audits: AuditArea, campus_id: str | None) -> list[ChainState]:
    if campus_id is None:
        return [audits.verifier.check(each) for each in audits.verifier.chains()]
    return [audits.verifier.check(None if campus_id == "platform" else campus_id)]


def _of_file(audits: AuditArea, path: Path, gaps: bool, here: bool) -> list[ChainState]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return audits.verifier.check_file(read(lines), gaps=gaps, here=here)
    except (NotAnExport, UnicodeDecodeError) as fault:
        raise click.ClickException(str(fault)) from None
