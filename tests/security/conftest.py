"""Who attacks: somebody who may do everything, a student, and nobody; on the app that all tests share."""

from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.cast import Cast
from tests.security.surface import Sample, samples


@pytest.fixture
def surface(app: Flask) -> Sequence[Sample]:
    """Every operation of the app."""
    return samples(app)


class Boss(FlaskClient):
    """Asks as the superadmin, whom no permission stops; and as a student where only students may ask."""

    student: FlaskClient

    def open(self, *given: Any, **named: Any) -> Any:
        """Send a request."""
        if given and str(given[0]).startswith("/student/"):
            return self.student.open(*given, **named)
        return super().open(*given, **named)


@pytest.fixture
def boss(app: Flask, cast: Cast) -> FlaskClient:
    """A client for which no request fails for want of a permission."""
    client = Boss(app, app.response_class)
    client.environ_base.update(cast.superadmin.http.environ_base)
    client.student = cast.student(cast.north, "BOSS1").http
    return client
