"""ProgressFeed over Socket.IO."""

from flask_socketio import SocketIO
from pydantic import BaseModel


class SocketIOFeed:
    """Emits to a room; with a client manager over Redis, from any process to any process."""

    def __init__(self, socketio: SocketIO) -> None:
        self._socketio = socketio

    def publish(self, room: str, event: str, payload: BaseModel) -> None:
        """Emit one event."""
        self._socketio.emit(event, payload.model_dump(mode="json"), to=room)
