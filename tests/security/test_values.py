"""Values that only hurt once they reach the database or a pattern: numbers without end, evil searches."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest
from flask.testing import FlaskClient

from tests.cast import Cast
from tests.security.surface import Sample

HUGE: Final = (2**31, 2**63, -(2**63) - 1, 10**400, 1e308, -1)
EVIL: Final = (
    *("(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){20}", "(?=(a+))a*b", "a{1000}{1000}"),
    *(
        ".*",
        "^",
        "$",
        "[",
        "(",
        "\\",
        "*",
        "+",
        "?",
        "{",
        "|",
        "(?i)a",
        "(?#",
        "\\1",
        "\\p{L}",
        "[^a]",
        "a|b",
    ),
    *('{"$regex": ".*"}', '{"$ne": null}', "$where", "$gt", '"; sleep(1000)', "'; while(1);//", "$$ROOT"),
    *("%", "_", "%00", "\u202e", "\u0130" * 30, "ffi" * 300, "a" * 200, "a " * 100, "-" * 200, "9" * 200),
    *("/.*/", "//", "/a/i", "a*b*c*d*e*f*", "(((((((((((a", "!" * 200, "\ufb03" * 60, "\u0e33" * 100),
    *("a{,}", "(a", "x" * 300, "a.a.a.a.a"),
)


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


def test_no_search_is_a_pattern_and_none_takes_long(cast: Cast) -> None:
    campus = cast.north
    for number, name in enumerate(("Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Zoe Quiz")):
        student = {"name": name, "roll_number": f"A{number}", "batch_id": campus.batch_id}
        campus.admin.post("/student_management/students", {**student, "course_ids": [campus.course_ids[0]]})
    path = "/student_management/students"
    assert len(campus.admin.get(path)["items"]) == 2
    assert len(EVIL) >= 50

    for typed in EVIL:
        begun = time.perf_counter()
        reply = campus.admin.http.get(path, query_string={"search": typed})
        took = time.perf_counter() - begun

        assert reply.status_code in (200, 422), typed
        assert "Zoe" not in reply.get_data(as_text=True), typed
        assert took < 0.5, typed
