"""A client as ours are told to be: no answer means that nobody knows, so it asks again with the same key."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import requests

CONNECT_SECONDS, READ_SECONDS = 1.0, 6.0
PAUSE_SECONDS: Final = 0.15
AGAIN: Final = (502, 503)


class NotAnswered(AssertionError):
    """The server gave no usable answer for longer than it may."""


class PatientClient:
    """Repeats whatever was lost; fails on every answer that is neither what was asked for nor "later"."""

    def __init__(self, url: Callable[[], str], patience: float = 60.0) -> None:
        self._url, self._patience = url, patience
        self._http = requests.Session()
        self._http.trust_env = False
        self.repeats = 0

    def log_in(self, superadmin: Path) -> None:
        """Become the superadmin of a data folder."""
        login = self.call("POST", "/auth/login", json=json.loads(superadmin.read_text()))
        self._http.headers["Authorization"] = f"Bearer {login['access_token']}"

    def alike(self) -> "PatientClient":
        """Return another client of the same person, for another thread."""
        twin = PatientClient(self._url, self._patience)
        twin._http.headers["Authorization"] = self._http.headers["Authorization"]
        return twin

    @property
    def token(self) -> str:
        """The access token."""
        return str(self._http.headers["Authorization"]).removeprefix("Bearer ")

    def get(self, path: str) -> Any:
        """Return the JSON of a reply."""
        return self.call("GET", path)

    def make(self, path: str, **options: Any) -> Any:
        """Make something, once, however often it has to be asked for."""
        return self.call("POST", path, headers={"Idempotency-Key": str(uuid.uuid4())}, **options)

    def call(self, method: str, path: str, *, conflict: bool = False, **options: Any) -> Any:
        """Return the JSON of a 2xx reply; ask again where none came, or one that says "later".

        With ``conflict``, None where it is too late for this, or it is done already.
        """
        give_up, last = time.monotonic() + self._patience, ""
        while time.monotonic() < give_up:
            try:
                reply = self._http.request(
                    method, self._url() + path, timeout=(CONNECT_SECONDS, READ_SECONDS), **options
                )
            except requests.RequestException as error:
                last = type(error).__name__
            else:
                if reply.ok:
                    return reply.json() if reply.content else None
                if conflict and reply.status_code == 409:
                    return None
                last = f"{reply.status_code} {reply.text[:500]}"
                if reply.status_code not in AGAIN:
                    raise AssertionError(f"{method} {path}: {last}")
            self.repeats += 1
            time.sleep(PAUSE_SECONDS)
        raise NotAnswered(f"{method} {path}: {last}")

    def pages(self, path: str) -> Iterator[Any]:
        """Yield every item of a list."""
        cursor = ""
        while True:
            joint = "&" if "?" in path else "?"
            page = self.get(f"{path}{joint}limit=200{cursor}")
            yield from page["items"]
            if not page["next_cursor"]:
                return
            cursor = f"&cursor={page['next_cursor']}"
