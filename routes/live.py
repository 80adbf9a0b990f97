"""Socket.IO: connect with an access token, join rooms by ``watch``, be dropped when it no longer holds."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from flask import Flask, request
from flask_socketio import SocketIO, disconnect, join_room
from pydantic import BaseModel

from config.constants import MAX_SOCKETS_PER_USER
from config.permissions import Permission
from models import Actor
from routes._kit import tokens
from routes._kit.services import services
from routes._kit.socket_gate import PLACE, SocketGate
from services.exam_room.progress import EXAM_ROOM
from services.features.switches import require
from services.notifications.inbox import own_room
from utils.problems import Invalid, Problem, TooMany, Unauthorized

EVENTS_PER_SECOND: Final = 20
NOBODY_SECONDS: Final = 5.0  # that a connection may last without being somebody's socket


@dataclass(frozen=True, slots=True)
class Watchable:
    """What a room shows: the permission it asks for and the read that decides whether this actor may."""

    permission: Permission
    name: str
    read: Callable[[str, Actor], BaseModel]


# The declaration of every room: ``watch {<key>: id}`` joins ``<name>:<id>`` if the read succeeds.
WATCHABLE: Final[dict[str, Watchable]] = {
    "job_id": Watchable(
        Permission.BATCH_JOB_READ, "batch_job", lambda job_id, actor: services().batch_jobs.get(job_id, actor)
    ),
    "import_id": Watchable(
        Permission.IMPORT_READ, "import", lambda import_id, actor: services().imports.get(import_id, actor)
    ),
    "test_id": Watchable(
        Permission.EXAM_READ, EXAM_ROOM, lambda test_id, actor: services().exam_room.status(test_id, actor)
    ),
}


@dataclass(slots=True)
class Socket:
    """One connection: who it belongs to, as they were when it last proved it."""

    actor: Actor
    expires: float
    heard: list[float] = field(default_factory=list)

    def may_speak(self, now: float) -> bool:
        """Tell whether one more event within this second is fine."""
        self.heard = [moment for moment in self.heard if moment > now - 1.0] + [now]
        return len(self.heard) <= EVENTS_PER_SECOND


class LiveSockets:
    """The sockets of this process."""

    def __init__(self, app: Flask, socketio: SocketIO, most: int) -> None:
        self._app, self._socketio, self._most = app, socketio, most
        self._sockets: dict[str, Socket] = {}
        self._lock = Lock()
        self._closing = False
        self._gate = SocketGate(app.wsgi_app, most)
        app.wsgi_app = self._gate  # type: ignore[method-assign]  # as Flask tells to do
        socketio.on_event("connect", self._connect)
        socketio.on_event("disconnect", self._disconnect)
        socketio.on_event("authenticate", self._authenticate)
        socketio.on_event("watch", self._watch)

    def __len__(self) -> int:
        return len(self._sockets)

    def watched(self, name: str) -> set[str]:
        """Return the ids of the things of one kind that sockets of this process watch."""
        rooms = [str(room) for room in list(self._socketio.server.manager.rooms.get("/", {}))]
        return {room.removeprefix(f"{name}:") for room in rooms if room.startswith(f"{name}:")}

    def drop_stale(self) -> None:
        """Drop every socket whose token expired, or whose owner's session, status or rights changed."""
        with self._app.app_context():
            for sid, socket in list(self._sockets.items()):
                actor = services().authentication.actor(socket.actor.session_id, socket.actor.id, anew=True)
                if socket.expires <= time.time() or actor != socket.actor:
                    self._drop(sid)
        self._hang_up()

    def _hang_up(self) -> None:
        """End connections that are not, or no longer, a socket of somebody."""
        server, now = self._socketio.server, time.monotonic()
        for eio, environ in list(server.environ.items()):
            if server.manager.sid_from_eio_sid(eio, "/") in self._sockets and PLACE in environ:
                environ[PLACE].seen = now
        self._gate.hang_up(NOBODY_SECONDS)

    def close_all(self) -> None:
        """Take no more sockets and close those that are open: a graceful stop does not wait for them."""
        self._closing = True
        for sid in list(self._sockets):
            self._drop(sid)

    def _drop(self, sid: str) -> None:
        self._socketio.server.disconnect(sid, ignore_queue=True)
        self._sockets.pop(sid, None)

    def _connect(self, auth: Any = None) -> bool:
        try:
            socket = self._proven(auth)
        except Problem:
            return False
        with self._lock:
            owned = Counter(other.actor.id for other in self._sockets.values())
            full = len(self._sockets) >= self._most or owned[socket.actor.id] >= MAX_SOCKETS_PER_USER
            if full or self._closing:
                return False
            self._sockets[_sid()] = socket
        join_room(own_room(socket.actor.id))
        return True

    def _disconnect(self, _reason: Any = None) -> None:
        self._sockets.pop(_sid(), None)

    def _authenticate(self, asked: Any = None) -> dict[str, Any]:
        try:
            socket = self._socket()
            renewed = self._proven(asked)
            if renewed.actor.id != socket.actor.id:
                raise Unauthorized("The token is somebody else's.")
            self._renew(socket, renewed)
        except Problem as problem:
            disconnect()
            return problem.as_dict(instance="authenticate")
        return {"authenticated": True}

    def _renew(self, socket: Socket, renewed: Socket) -> None:
        """Let a socket go on by another token: what it heard counts on, and one that was dropped stays so."""
        with self._lock:
            if self._sockets.get(_sid()) is not socket:
                raise Unauthorized()
            socket.actor, socket.expires = renewed.actor, renewed.expires

    def _watch(self, asked: Any = None) -> dict[str, Any]:
        try:
            key, row_id = _one_key(asked)
            watchable, actor = WATCHABLE[key], self._socket().actor
            require(actor, watchable.permission)
            shown = watchable.read(row_id, actor)
        except Problem as problem:
            return problem.as_dict(instance="watch")
        join_room(f"{watchable.name}:{row_id}")
        fresh = watchable.read(row_id, actor)  # what moved between the read and the join is not missed
        return {"watching": row_id, key.removesuffix("_id"): (fresh or shown).model_dump(mode="json")}

    def _socket(self) -> Socket:
        socket = self._sockets.get(_sid())
        if socket is None or socket.expires <= time.time():
            raise Unauthorized()
        if not socket.may_speak(time.monotonic()):
            raise TooMany("At most 20 events a second.", retry_after=1)
        return socket

    def _proven(self, auth: Any) -> Socket:
        token = auth.get("token") if isinstance(auth, dict) else None
        if not isinstance(token, str):
            raise Unauthorized()
        actor = tokens.actor_of(token)
        if actor.must_change_password or actor.must_set_up_second_factor:
            raise Unauthorized()
        return Socket(actor, float(tokens.read(token)["exp"]))


def _one_key(asked: Any) -> tuple[str, str]:
    if isinstance(asked, dict) and len(asked) == 1:
        (key, row_id), *_ = asked.items()
        if key in WATCHABLE and isinstance(row_id, str) and len(row_id) <= 64:
            return key, row_id
    raise Invalid(f"Send one of {', '.join(WATCHABLE)}.")


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]  # Flask-SocketIO adds it
