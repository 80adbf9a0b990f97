"""A small application in the place of the real one: what start scripts and gunicorn.conf.py rely on."""

import os
import time
from typing import Any, NoReturn

import click
from flask import Flask, Response, request
from simple_websocket import ConnectionClosed  # type: ignore[import-untyped]
from simple_websocket import Server as WebSocket


class Closed(Response):
    """Says nothing more to a connection that was a socket."""

    def __call__(self, *_: Any) -> NoReturn:
        raise StopIteration


class Background:
    """Writes down when it is told to start and to stop; closes the open sockets then."""

    def __init__(self) -> None:
        self.sockets: set[Any] = set()

    def hosted(self, hosting: Any) -> None:
        print(f"hosted by {hosting.arbiter} on {hosting.platform}", flush=True)

    def start(self) -> None:
        print(f"background started in {os.getpid()}", flush=True)

    def stop(self) -> None:
        for socket in list(self.sockets):
            socket.close()
        print(f"background stopped in {os.getpid()}", flush=True)


def create_app() -> Flask:
    app = Flask(__name__)
    background = app.extensions["versant"] = Background()

    @app.get("/health/ready")
    def ready() -> tuple[dict[str, int], int]:
        return {"pid": os.getpid()}, int(os.environ.get("STANDIN_STATUS", "200"))

    @app.get("/environment/<name>")
    def environment(name: str) -> str:
        return os.environ.get(name, "")

    @app.get("/slow/<float:seconds>")
    def slow(seconds: float) -> str:
        print(f"slow for {seconds}", flush=True)
        time.sleep(seconds)
        return "done"

    _add_socket(app, background)
    _add_commands(app)
    return app


def _add_socket(app: Flask, background: Background) -> None:
    @app.route("/socket", websocket=True)
    def socket() -> Closed:
        opened = WebSocket(request.environ)
        background.sockets.add(opened)
        try:
            while True:
                opened.send(opened.receive())
        except ConnectionClosed:
            return Closed()


def _add_commands(app: Flask) -> None:
    @app.cli.command("migrate")
    def migrate() -> None:
        click.echo(f"migrated as {os.environ['SUPERADMIN_USERNAME']}")
        raise SystemExit(int(os.environ.get("STANDIN_MIGRATE", "0")))

    @app.cli.command("sample")
    @click.option("--url")
    def sample(url: str) -> None:
        click.echo(f"sample for {url}")
