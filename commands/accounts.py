"""Commands for accounts: create-admin."""

import click
from flask import current_app
from flask.cli import with_appcontext

from config.permissions import Permission, Role
from models import Actor
from services.accounts.schemas import AdminCreate
from utils.problems import Problem

OPERATIONS = Actor(
    id="operations",
    role=Role.SUPERADMIN,
    name="Operations",
    username="operations",
    campus_id=None,
    permissions=frozenset(Permission),
)


@click.command("create-admin")
@click.option("--role", type=click.Choice([r for r in Role if r is not Role.STUDENT]), required=True)
@click.option("--username", prompt=True)
@click.option("--name", prompt=True)
@click.option("--email", prompt=True)
@click.option("--campus", "campus_id", help="id of the campus, for campus and course admins")
@click.option("--courses", default="", help="ids of courses, comma-separated, for course admins")
@with_appcontext
def create_admin(
    role: str, username: str, name: str, email: str, campus_id: str | None, courses: str
) -> None:
    """Create an admin, who gets a one-time link to set a password."""
    fields: dict[str, object] = {
        "role": role,
        "username": username,
        "name": name,
        "email": email,
        "campus_id": campus_id,
        "course_ids": [course for course in courses.split(",") if course],
    }
    given = {key: value for key, value in fields.items() if value}
    try:
        services = current_app.extensions["versant"].services
        made = services.admins.create(AdminCreate.model_validate(given), OPERATIONS)
    except (Problem, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{made.role} {made.username} created ({made.id}); the link goes to {email}")
