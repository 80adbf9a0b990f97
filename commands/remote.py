"""What a command needs of a running server: log in, call, watch live."""

import json
import queue
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
import requests
import socketio

TIMEOUT: Final = 30.0
POLL_SECONDS: Final = 2.0
ENDED: Final = ("completed", "cancelled", "discarded", "applied", "failed", "undone")


class Remote:
    """A signed-in client of one server."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._http = requests.Session()
        self._credentials = {"username": username, "password": password}
        self.token = ""

    def log_in(self) -> None:
        """Get an access token."""
        self._http.headers.pop("Authorization", None)
        self.token = str(self.call("POST", "/auth/login", json=self._credentials)["access_token"])
        self._http.headers["Authorization"] = f"Bearer {self.token}"

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON of a reply; end the command with the problem's words when it is one."""
        try:
            reply = self._http.request(method, self.url + path, timeout=TIMEOUT, **options)
        except requests.RequestException as error:
            raise click.ClickException(f"{self.url} does not answer ({type(error).__name__})") from None
        if reply.status_code == requests.codes.unauthorized and self.token:
            self.token = ""
            self.log_in()
            return self.call(method, path, **options)
        if not reply.ok:
            raise click.ClickException(words(reply))
        return reply.json() if reply.content else None

    def watch(self, key: str, row_id: str, event: str, path: str) -> Iterator[Mapping[str, Any]]:
        """Yield the states of a job or an import until its end: pushed, or asked for where they are not."""
        states: queue.Queue[Mapping[str, Any]] = queue.Queue()
        live = socketio.Client(reconnection=True)
        live.on(event, states.put)
        live.on("connect", lambda: live.emit("watch", {key: row_id}))
        with suppress(socketio.exceptions.ConnectionError):
            live.connect(self.url, auth={"token": self.token}, transports=["websocket"])
        try:
            while True:
                try:
                    state = states.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    state = self.call("GET", path)
                yield state
                if state["state"] in ENDED or state["state"] == "previewed":
                    return
        finally:
            live.disconnect()


def words(reply: requests.Response) -> str:
    """Return what a problem says, for a person."""
    try:
        problem = reply.json()
    except ValueError:
        return f"HTTP {reply.status_code}"
    faults = [f"{fault['pointer'].lstrip('/')}: {fault['detail']}" for fault in problem.get("errors", [])]
    return "; ".join([problem.get("detail") or problem.get("title", ""), *faults]).strip("; ")


def remote_from(url: str, username: str | None, password: str | None, data_dir: Path) -> Remote:
    """Return a signed-in client; without a name, as the superadmin of the local data folder."""
    if username is None:
        try:
            kept = json.loads((data_dir / "superadmin.json").read_text(encoding="utf-8"))
            username, password = kept["username"], kept["password"]
        except OSError:
            raise click.ClickException("give --username, or run where ./data is") from None
    remote = Remote(url, str(username), password or click.prompt("Password", hide_input=True))
    remote.log_in()
    return remote
