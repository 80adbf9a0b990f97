"""Sends a request as somebody, over HTTP or a socket, and returns what came back."""

import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlencode

import jwt
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from main import Runtime
from tests.authz.actors import Actor
from tests.authz.operations import WATCH, Operation, Request

BY_WSGI: Final[Mapping[str, Any]] = {
    "SCRIPT_NAME": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "localhost",
    "REMOTE_ADDR": "127.0.0.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
OF_THIS_REQUEST: Final = frozenset({"X-Request-Id", "Content-Length", "Date"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: over a socket an acknowledgement, or 401 where there was no connection."""

    status: int
    text: str
    headers: Mapping[str, str]
    rooms: frozenset[str] = frozenset()

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.text)

    @property
    def slug(self) -> str:
        """The problem that the reply tells of; empty where it is none."""
        if "json" not in self.headers.get("Content-Type", "json") or not self.text:
            return ""
        body = self.json
        told = str(body.get("type", "")) if isinstance(body, dict) else ""
        return told.removeprefix("/problems/") if told.startswith("/problems/") else ""

    def but(self, given: str) -> tuple[int, str, Mapping[str, str]]:
        """Return the reply without what names this very request and the id that it gave."""
        text = self.text
        if self.slug:
            text = json.dumps({name: part for name, part in self.json.items() if name != "instance"})
        headers = {name: part for name, part in self.headers.items() if name not in OF_THIS_REQUEST}
        return self.status, text.replace(json.dumps(given)[1:-1], "<id>").replace(given, "<id>"), headers


class Asking:
    """Asks one app. ``proofs`` holds everybody's ``Authorization`` header."""

    def __init__(self, app: Flask, proofs: Mapping[str, str]) -> None:
        self._app, self._proofs, self._urls = app, proofs, app.url_map.bind("localhost")

    def proof(self, name: str) -> str:
        """Return what somebody shows; empty for nothing."""
        return self._proofs[name]

    def ask(self, operation: Operation, actor: Actor, request: Request, **headers: str) -> Reply:
        """Send one request."""
        if operation.method == WATCH:
            return self._watch(actor, request)
        if proof := self._proofs[actor.name]:
            headers["Authorization"] = proof
        url = self._urls.build(operation.name, dict(request.path), operation.method)
        environ = _form(request) if request.form is not None else _plain(request)
        environ |= {"REQUEST_METHOD": operation.method, "PATH_INFO": unquote_to_bytes(url).decode("latin-1")}
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        parts, status, answered = run_wsgi_app(self._app, environ)
        text = b"".join(parts).decode("utf-8", "replace")
        parts.close() if hasattr(parts, "close") else None
        return Reply(int(status[:3]), text, dict(answered))

    def _watch(self, actor: Actor, request: Request) -> Reply:
        runtime: Runtime = self._app.extensions["versant"]
        token = self._proofs[actor.name].removeprefix("Bearer ")
        socket = runtime.socketio.test_client(self._app, auth={"token": token})
        if not socket.is_connected():
            return Reply(401, json.dumps({"type": "/problems/unauthorized"}), {})
        try:
            told = socket.emit("watch", dict(request.path), callback=True)
            manager = runtime.socketio.server.manager
            sid = manager.sid_from_eio_sid(socket.eio_sid, "/")
            rooms = frozenset(manager.get_rooms(sid, "/")) - {sid, _own_room(token)}
        finally:
            socket.disconnect()
        return Reply(told.get("status", 200), json.dumps(told), {}, rooms)


def _plain(request: Request) -> dict[str, Any]:
    """Return what a server makes of a request; the test client would take as long as the app itself."""
    content = b"" if request.body is None else json.dumps(request.body).encode()
    environ = {
        **BY_WSGI,
        "QUERY_STRING": urlencode(dict(request.query)),
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": io.BytesIO(content),
    }
    return environ if request.body is None else {**environ, "CONTENT_TYPE": "application/json"}


def _form(request: Request) -> dict[str, Any]:
    return EnvironBuilder(
        method="POST", query_string=dict(request.query), data=dict(request.form or {})
    ).get_environ()


def _own_room(token: str) -> str:
    """Return the room of whoever has this token: their sockets are in it from the start."""
    return f"user:{jwt.decode(token, options={'verify_signature': False})['sub']}"
