"""Sends a request as somebody, over HTTP or a socket, and returns what came back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from flask import Flask

from main import Runtime
from tests.authz.actors import Actor
from tests.authz.operations import WATCH, Operation, Request

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
        return self.status, text.replace(given, "<id>"), headers


class Asking:
    """Asks one app. ``proofs`` holds everybody's ``Authorization`` header."""

    def __init__(self, app: Flask, proofs: Mapping[str, str]) -> None:
        self._app, self._proofs = app, proofs
        self._client, self._urls = app.test_client(), app.url_map.bind("localhost")

    def ask(self, operation: Operation, actor: Actor, request: Request, **headers: str) -> Reply:
        """Send one request."""
        if operation.method == WATCH:
            return self._watch(actor, request)
        proof = self._proofs[actor.name]
        answer = self._client.open(
            self._urls.build(operation.name, dict(request.path), operation.method),
            method=operation.method,
            headers={**({"Authorization": proof} if proof else {}), **headers},
            query_string=dict(request.query),
            json=request.body,
            data=dict(request.form) if request.form is not None else None,
        )
        with answer:
            return Reply(answer.status_code, answer.get_data(as_text=True), dict(answer.headers))

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


def _own_room(token: str) -> str:
    """Return the room of whoever has this token: their sockets are in it from the start."""
    return f"user:{jwt.decode(token, options={'verify_signature': False})['sub']}"
