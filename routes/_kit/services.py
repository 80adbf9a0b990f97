"""The services of the running app."""

from typing import cast

from flask import current_app

from services.registry import Services


def services() -> Services:
    """Return the services of the running app."""
    return cast(Services, current_app.extensions["versant"].services)
