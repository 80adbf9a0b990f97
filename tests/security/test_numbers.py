"""Numbers that only hurt once they reach the database."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest
from flask.testing import FlaskClient

from tests.security.surface import Sample

HUGE: Final = (2**31, 2**63, -(2**63) - 1, 10**400, 1e308, -1)


def numbers(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where a body holds a whole number."""
    if isinstance(body, dict | list):
        for name, value in body.items() if isinstance(body, dict) else enumerate(body):
            yield from numbers(value, (*path, name))
    elif isinstance(body, int) and not isinstance(body, bool):
        yield path


def with_number(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return the body with another value in one place."""
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = with_number(body[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("value", HUGE, ids=lambda value: f"{value:.3g}" if abs(value) < 1e300 else "endless")
def test_no_number_of_a_client_is_too_large_for_the_database(
    surface: Sequence[Sample], boss: FlaskClient, value: Any
) -> None:
    sent = 0
    for sample in surface:
        for path in numbers(sample.body):
            reply = sample.but(body=with_number(sample.body, path, value)).send(boss)
            assert reply.status_code < 500, (sample.name, path)
            sent += 1
        if sample.spec.query is not None and "limit" in sample.spec.query.model_fields:
            reply = sample.but(query={**sample.query, "limit": str(value)}).send(boss)
            assert reply.status_code in (401, 403, 404, 422), sample.name
            sent += 1
    assert sent > 20
