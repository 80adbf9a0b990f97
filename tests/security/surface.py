"""Every operation of the app with a request that is well formed, to be spoilt in one place at a time.

The ids in it name nothing: what these suites send is refused before anything is looked up, and where it is
not, they say so.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Final

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.wrappers import Response

from routes._kit.endpoint import PUBLIC, SIGNATURE, Endpoint
from routes._kit.openapi import declared
from tests.authz.operations import At, Request
from tests.authz.valid_requests import VALID_REQUESTS
from tests.authz.world import Kind

NOBODY: Final = "0123456789abcdef01234567"


class Nowhere(At):
    """Fills in ids that name nothing."""

    def __init__(self) -> None:
        tokens: Mapping[str, str] = defaultdict(lambda: "A" * 43)
        empty: Any = SimpleNamespace(
            tokens=tokens, account_id=lambda _: NOBODY, rows={"users": {}}, snapshot={}
        )
        super().__init__(empty)

    def __call__(self, name: str, kind: Kind, of: str = "", *, taught: bool = False) -> str:
        self.known[name] = kind
        return NOBODY


@dataclass(frozen=True, slots=True)
class Sample:
    """One operation with what a well-formed request to it carries."""

    name: str
    rule: str
    spec: Endpoint
    url: str
    path: Mapping[str, str]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    form: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def open(self) -> bool:
        """Whether nobody has to be signed in for it."""
        return self.spec.access in (PUBLIC, SIGNATURE)

    def fits(self, url: str) -> bool:
        """Tell whether this operation's rule is one for an address."""
        pattern = re.sub(r"<path:\w+>", ".+", self.rule)
        return re.fullmatch(re.sub(r"<(?:\w+:)?\w+>", "[^/]+", pattern), url) is not None

    def but(self, **changes: Any) -> "Sample":
        """Return the sample with something else in it."""
        return replace(self, **changes)

    def send(self, client: FlaskClient, **more: Any) -> Response:
        """Send it; ``more`` is for the test client and goes first."""
        given: dict[str, Any] = {"query_string": dict(self.query)} if self.query else {}
        if "data" not in more and self.body is not None:
            given["json"] = self.body
        if "data" not in more and self.form is not None:
            given["data"] = _fresh(self.form)
        reply: Response = client.open(self.url, **{"method": self.spec.method, **given, **more})
        return reply


def samples(app: Flask) -> Sequence[Sample]:
    """Return a sample of every declared operation."""
    return tuple(_samples(app))


def _samples(app: Flask) -> Iterator[Sample]:
    urls = app.url_map.bind("localhost")
    for rule, spec in declared(app):
        made: Request = VALID_REQUESTS[rule.endpoint](Nowhere())
        path = dict(made.path)
        url = urls.build(rule.endpoint, path, spec.method)
        yield Sample(rule.endpoint, rule.rule, spec, url, path, made.query, made.body, made.form)


def _fresh(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form with its files at their beginning: a client closes what it has sent."""
    return (
        dict(VALID_REQUESTS["student_imports.upload"](Nowhere()).form or {}) if "file" in form else dict(form)
    )


def slug(reply: Response) -> str:
    """Return the problem that a reply tells of; empty where it is none."""
    if reply.content_type != "application/problem+json":
        return ""
    return str((reply.get_json() or {}).get("type", "")).removeprefix("/problems/")


def sending(client: FlaskClient, **more: Any) -> Callable[[Sample], Response]:
    """Return what sends samples by this client, spoilt in one way."""
    return lambda sample: sample.send(client, **more)
