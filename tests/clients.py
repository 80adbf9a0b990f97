"""What clients do: read a list to its end, ask several things at one moment, look where a problem is."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient

from tests.cast import Person


def every(person: Person, path: str, limit: int = 2, **query: Any) -> list[Any]:
    """Return all items of a list; fail where a page is too long, or empty but not the last."""
    items: list[Any] = []
    cursor = None
    while True:
        asked = {**query, "limit": limit, **({"cursor": cursor} if cursor else {})}
        page = person.get(f"{path}?{urlencode(asked)}")
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
        assert len(page["items"]) == limit


def device(person: Person) -> FlaskClient:
    """Return another client of a person who has logged in: each thread needs its own."""
    client = person.http.application.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {person.token}"
    return client


def together(*calls: Callable[[], Any]) -> list[int]:
    """Make these requests at one moment; return their statuses."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result().status_code for future in [pool.submit(call) for call in calls]]


def pointers(problem: Any) -> list[str]:
    """Return where a problem says that something is wrong."""
    return [fault["pointer"] for fault in problem["errors"]]


def same(problem: Any) -> Any:
    """Return a problem without what differs with every request."""
    return {name: value for name, value in problem.items() if name != "instance"}
