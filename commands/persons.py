"""Commands for one person's data: export-person, anonymise."""

import os
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from commands.accounts import OPERATIONS
from services.persons.service import PersonService
from services.ports import Person
from utils.problems import Problem


@click.command("export-person")
@click.argument("person")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="a new file")
@with_appcontext
def export_person(person: str, out: Path) -> None:
    """Write everything that is stored about a PERSON (an id or a username) to a file, as JSON."""
    persons = _persons()
    found = persons.export(_found(persons, person), OPERATIONS)
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.ClickException(f"{out} is there already") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(found.model_dump_json(indent=2) + "\n")
    rows = sum(map(len, found.records.values()))
    click.echo(f"{rows} rows of {found.person_id} written to {out}; only you can read it")


@click.command("anonymise")
@click.argument("person")
@click.option("--yes", is_flag=True, help="do not ask")
@with_appcontext
def anonymise(person: str, yes: bool) -> None:
    """Take a PERSON (an id or a username) out of everything that is stored, for good."""
    persons = _persons()
    found = _found(persons, person)
    if not yes:
        click.confirm(
            f"Names, numbers and addresses of {found.username} are gone for good. Go on?", abort=True
        )
    try:
        persons.anonymise(found, OPERATIONS)
    except Problem as problem:
        raise click.ClickException(problem.detail or problem.title) from None
    click.echo(f"{found.id} is {found.alias} from now on")


def _persons() -> PersonService:
    persons: PersonService = current_app.extensions["versant"].services.persons
    return persons


def _found(persons: PersonService, named: str) -> Person:
    try:
        return persons.named(named, OPERATIONS)
    except Problem as problem:
        raise click.ClickException(problem.title) from None
