"""The door of the application: ``create_app`` builds it, with everything behind it (``assembly/``).

Importing it does nothing. ``Runtime.start`` starts the background loops of a process.
"""

from pathlib import Path
from typing import Final

from flask import Flask
from flask_socketio import SocketIO

from assembly.runtime import Runtime
from commands import CannotServe, Commands
from config.constants import SOCKET_MESSAGE_BYTES
from config.log_setup import setup_logs
from config.settings import Settings, SettingsError
from integrations.redis_live import RedisLive
from routes import install_front, install_routes
from utils.context import CAUSES

ROOT: Final = Path(__file__).resolve().parent

__all__ = ["Runtime", "create_app", "version"]


def create_app(settings: Settings | None = None) -> Flask:
    """Build the app with everything behind it. Opens no connection until the first use."""
    settings = settings or _settings()
    setup_logs(settings.log_level, CAUSES)
    app = Flask("versant", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    install_routes(app, settings, version=version())
    app.extensions["versant"] = Runtime.over(app, _socketio(app, settings), settings, version())
    install_front(app, settings)
    app.cli = Commands("versant")
    return app


def version() -> str:
    """Return the version that CHANGELOG.md names first."""
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    return next(line.split("[", 1)[1].split("]", 1)[0] for line in lines if line.startswith("## ["))


def _settings() -> Settings:
    try:
        return Settings.from_env()
    except SettingsError as error:
        raise CannotServe(str(error)) from None


def _socketio(app: Flask, settings: Settings) -> SocketIO:
    manager = RedisLive(settings.redis_url) if settings.redis_url else None
    return SocketIO(
        app,
        async_mode="threading",
        client_manager=manager,
        transports=["websocket"],
        cors_allowed_origins=list(settings.cors_origins) or None,
        cors_credentials=False,
        max_http_buffer_size=SOCKET_MESSAGE_BYTES,
        manage_session=False,
        ping_interval=20,
        ping_timeout=20,
    )
