"""Who attacks: somebody who may do everything, a student, and nobody; on the app that all tests share."""

from collections.abc import Sequence

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.cast import Cast
from tests.security.surface import Sample, samples


@pytest.fixture
def surface(app: Flask) -> Sequence[Sample]:
    """Every operation of the app."""
    return samples(app)


@pytest.fixture
def boss(cast: Cast) -> FlaskClient:
    """A client of the superadmin, whom no permission stops."""
    return cast.superadmin.http
