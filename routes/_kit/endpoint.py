"""One decorator declares a route: who may call it, what it takes, what it returns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar, get_args, get_type_hints

from flask import Blueprint, Response, current_app
from pydantic import BaseModel

from config.constants import MAX_BODY_BYTES, MAX_BODY_KEYS, MAX_UPLOAD_BYTES
from config.features import TIED
from config.permissions import Permission
from models import Actor
from routes._kit import parsing
from routes._kit.admission import Access, FreshAuthenticationRequired, admit, still
from routes._kit.conditional import if_match, with_etag
from routes._kit.idempotency import once
from routes._kit.replies import current_replies
from services.features.switches import FeatureSwitchedOff
from utils.problems import (
    Forbidden,
    HeadersTooLarge,
    Invalid,
    Malformed,
    NotFound,
    Problem,
    Stale,
    TooLarge,
    Unauthorized,
    UnsupportedType,
    UriTooLong,
)

View = TypeVar("View", bound=Callable[..., BaseModel | Response | None])

PUBLIC, SIGNED_IN, SIGNATURE = Access.PUBLIC, Access.SIGNED_IN, Access.SIGNATURE


def _body(spec: "Endpoint") -> BaseModel | None:
    """Read the JSON body; a view that takes ``body: Model | None`` may be asked without one."""
    if spec.body is None or (not spec.needs_body and parsing.no_body()):
        return None
    return parsing.parse(spec.body, parsing.json_body(spec.limits.keys))


# What a view may name besides the actor and its path arguments, and how the declaration says to read each.
TAKEN: Final[Mapping[str, Callable[[Any], object]]] = {
    "body": _body,
    "form": lambda spec: parsing.parse_form(spec.form),
    "content": lambda _: parsing.raw_body(),
    "query": lambda spec: parsing.parse_query(spec.query),
    "revision": lambda _: if_match(),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a JSON body may be."""

    bytes: int = MAX_BODY_BYTES
    keys: int = MAX_BODY_KEYS


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one route promises. Dispatch, OpenAPI, the boot check and the access tests all read this."""

    method: str
    access: Permission | Access
    status: int
    raises: tuple[type[Problem], ...]
    doc: str
    hints: Mapping[str, Any]
    before_password_change: bool
    before_second_factor: bool
    media_type: str
    limits: Limits
    proof: Callable[[], None] | None = None
    cached: tuple[str, ...] = ()
    fresh: bool = False
    failure: int | None = None
    again: int | None = None

    @property
    def body(self) -> type[BaseModel] | None:
        """The model of the JSON body."""
        hint = self.hints.get("body")
        model: type[BaseModel] | None = next(iter(get_args(hint)), hint)
        return model

    @property
    def needs_body(self) -> bool:
        """Whether a request without a body is refused: not where a view takes ``body: Model | None``."""
        return self.body is not None and not get_args(self.hints["body"])

    @property
    def form(self) -> type[BaseModel] | None:
        """The model of the multipart form; its file is in the part ``file``."""
        return self.hints.get("form")

    @property
    def query(self) -> type[BaseModel] | None:
        """The model of the query string."""
        return self.hints.get("query")

    @property
    def page(self) -> bool:
        """Whether it is opened by browsers, from messages too: gateways of mail put words into addresses."""
        return self.access is PUBLIC and self.media_type != "application/json"

    @property
    def media_types(self) -> tuple[str, ...]:
        """What a reply without a model may be, the usual first; a declaration names several with commas."""
        return tuple(self.media_type.split(", "))

    @property
    def returns(self) -> type[BaseModel] | None:
        """The model of the reply."""
        shown = self.hints.get("return")
        return shown if isinstance(shown, type) and issubclass(shown, BaseModel) else None

    @property
    def creates(self) -> bool:
        """Whether the route makes something, so that an ``Idempotency-Key`` is honoured."""
        somebodys = self.access not in (PUBLIC, SIGNATURE)
        return somebodys and self.method == "POST" and self.status in (201, 202)

    @property
    def body_limit(self) -> int:
        """How many bytes the body may have."""
        if self.raw:
            return MAX_UPLOAD_BYTES
        return MAX_UPLOAD_BYTES + 64 * 1024 if self.form else self.limits.bytes

    @property
    def raw(self) -> bool:
        """Whether the body is bytes that the view takes as ``content``."""
        return self.hints.get("content") is bytes


def route(
    bp: Blueprint,
    method: str,
    rule: str,
    *,
    permission: Permission | Access,
    status: int = 200,
    raises: Sequence[type[Problem]] = (),
    before_password_change: bool = False,
    before_second_factor: bool = False,
    media_type: str = "application/json",
    limits: Limits = Limits(),
    proof: Callable[[], None] | None = None,
    cached: Sequence[str] = (),
    fresh: bool = False,
    failure: int | None = None,
    again: int | None = None,
) -> Callable[[View], View]:
    """Register ``view`` on a plain blueprint; the only way to add a URL.

    The order is fixed: authenticate, authorise, parse, idempotency, call, serialise; once a body is here that
    took long to come, the first two are asked again. A view receives what it names: ``actor``, ``body``,
    ``form``, ``content`` (raw bytes), ``query``, ``revision`` (of ``If-Match``) and its path arguments.
    ``proof`` raises for a machine that does not prove who it is, before the body is read.

    ``cached`` names the kinds of rows on which the reply of a list depends, and nothing else but who asks: it
    is kept until one of them changes, and ``If-None-Match`` is honoured.

    ``fresh``: for whoever has proved who they are in this session within ``FRESH_AUTH_SECONDS``: by logging
    in, or by ``POST /auth/confirm``.

    ``failure`` is another status of a reply that is no problem: its body says what is not well. ``again``
    is the status of a reply that made nothing, because what was asked for was there already (``found``).
    """

    def decorate(view: View) -> View:
        hints = get_type_hints(view)
        spec = Endpoint(
            method=method,
            access=permission,
            status=status,
            raises=(),
            doc=view.__doc__ or "",
            hints=hints,
            before_password_change=before_password_change,
            before_second_factor=before_password_change or before_second_factor,
            media_type=media_type,
            limits=limits,
            proof=proof,
            cached=tuple(cached),
            fresh=fresh,
            failure=failure,
            again=again,
        )
        object.__setattr__(spec, "raises", (*implied(spec, rule), *raises))

        @wraps(view)
        def dispatch(**arguments: Any) -> Response:
            return _dispatch(spec, view, arguments)

        dispatch.endpoint = spec  # type: ignore[attr-defined]
        bp.add_url_rule(rule, view.__name__, dispatch, methods=[method])
        return view

    return decorate


def _dispatch(spec: Endpoint, view: Callable[..., Any], arguments: dict[str, Any]) -> Response:
    parsing.limit_body(spec.body_limit)
    admitted = admit(spec)
    if spec.query is None and not spec.page:
        parsing.no_query()
    arguments |= {name: read(spec) for name, read in TAKEN.items() if name in spec.hints}
    actor = still(admitted, spec)
    if "actor" in spec.hints:
        arguments["actor"] = actor

    return _answer(spec, actor, arguments, lambda: _serialise(spec, view(**arguments)))


def _answer(
    spec: Endpoint, actor: Actor | None, arguments: Mapping[str, Any], call: Callable[[], Response]
) -> Response:
    if actor is None:
        return call()
    if spec.creates:
        return once(actor, call)
    if spec.cached:
        return current_replies().reply(spec.cached, actor, arguments.get("query"), call)
    return call()


def _serialise(spec: Endpoint, result: BaseModel | Response | None) -> Response:
    if isinstance(result, Response):
        return result
    text = result.model_dump_json() if result is not None else ""
    status = spec.again if spec.again and getattr(result, "found", False) else spec.status
    response: Response = current_app.response_class(text, status, mimetype="application/json")
    if result is None:
        response.headers.pop("Content-Type")
    return with_etag(response, result)


def _refusals(spec: Endpoint) -> Iterator[type[Problem]]:
    """Yield what somebody is told who may not."""
    if spec.proof is not None:
        yield Unauthorized
    if spec.access not in (PUBLIC, SIGNATURE):
        yield from (Unauthorized, Forbidden)
    if spec.access in TIED:
        yield FeatureSwitchedOff
    if spec.fresh:
        yield FreshAuthenticationRequired


def implied(spec: Endpoint, rule: str) -> tuple[type[Problem], ...]:
    """Return the problems that a route can answer with before its view runs."""
    found: list[type[Problem]] = [Malformed, UriTooLong, HeadersTooLarge, TooLarge, *_refusals(spec)]
    if spec.body or spec.form:
        found.append(UnsupportedType)
    if not spec.page or spec.query:
        found.append(Invalid)
    if "revision" in spec.hints:
        found.append(Stale)
    if "<" in rule:
        found.append(NotFound)
    return tuple(found)


UNDECLARED_ALLOWED: Final = frozenset({"static"})


class Undeclared(Exception):
    """The app must not start: a URL was added without ``@route``."""


def refuse_undeclared(view_functions: Mapping[str, Any]) -> None:
    """Raise unless every URL rule of the app carries a declaration."""
    bare = [
        name
        for name, view in view_functions.items()
        if name not in UNDECLARED_ALLOWED and not isinstance(getattr(view, "endpoint", None), Endpoint)
    ]
    if bare:
        raise Undeclared(f"declare with @route: {', '.join(sorted(bare))}")
