"""The command line for operations: ``python -m flask --app main <command>``."""

import os
from importlib import import_module
from typing import IO, Any, Final

import click
from flask.cli import AppGroup

from config.settings import SettingsError

COMMANDS: Final = {
    "anonymise": "commands.persons:anonymise",
    "create-admin": "commands.accounts:create_admin",
    "doctor": "commands.operations:doctor",
    "export-person": "commands.persons:export_person",
    "forget-cache": "commands.operations:forget_cache",
    "import-roster": "commands.rosters:import_roster",
    "migrate": "commands.operations:migrate",
    "openapi": "commands.operations:openapi",
    "problems": "commands.operations:problems",
    "sample": "commands.sample:sample",
    "rehearse-exam": "commands.rehearsals:rehearse_exam",
    "retry-failed": "commands.rosters:retry_failed",
    "verify-audit": "commands.audit:verify_audit",
    "watch-job": "commands.rosters:watch_job",
}


class CannotServe(SettingsError, click.ClickException):
    """The settings make no server: on the command line a sentence for each fault, and the code for that."""

    exit_code = os.EX_CONFIG

    def show(self, file: IO[Any] | None = None) -> None:
        """Print each fault on its line."""
        for fault in self.message.splitlines():
            click.echo(f"{click.style('look', fg='red')} settings: {fault}", file=file, err=True)


class Commands(AppGroup):
    """Loads a command when it is called: a server does not carry their libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command
