"""Brevo on this machine: real HTTP as the SDK speaks it, real effects, and every way to fail.

In a test: ``with BrevoServer() as brevo: …``. On its own, for tests that kill what is around it:
``python -m tests.fakes.brevo_server --port N --effects FILE --plan JSON`` prints ``ready URL``;
``POST /_control`` replaces the plan (see Plan.load), ``GET /_control`` tells the counts, ``GET /_effects``
the effects, and ``POST /_tell`` has it call our webhooks about them (see Callback.tell). A server started
again with the same file still knows its idempotency keys.
"""

import argparse
import json
import signal
import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.fakes.brevo_effects import Effect, Effects, Reply, fault
from tests.fakes.brevo_plan import NORMAL, PRESETS, Behaviour, Plan
from tests.fakes.brevo_webhooks import Callback

API_KEY = "xkeysib-test-0123456789abcdef0123456789abcdef"
EMAIL_PATH = "/v3/smtp/email"
SMS_PATHS = ("/v3/transactionalSMS/sms", "/v3/transactionalSMS/send")
NO_CREDITS = PRESETS["402"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came in, whatever became of it."""

    method: str
    path: str
    body: Any
    connection: int


class BrevoServer:
    """The fake. ``plan`` says what goes wrong, ``effects()`` what was sent, ``calls`` what was asked."""

    def __init__(self, port: int = 0, effects: Path | None = None, api_key: str = API_KEY) -> None:
        self.plan = Plan()
        self.api_key = api_key
        self.calls: list[Call] = []
        self.stopping = threading.Event()
        self.log = Effects(effects)
        self._http = _Http(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="brevo")
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v3"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.hang_up()
        self._http.server_close()
        self.log.close()

    def effects(self) -> list[Effect]:
        """Return every message that was really sent."""
        return self.log.all()

    def tell(self, url: str, token: str, channel: str, names: list[str], **how: int) -> int:
        """Call the webhook at ``url`` about every message of a channel; return how many calls it took."""
        effects = [effect for effect in self.effects() if effect.channel == channel]
        return Callback(url, token).tell(effects, names, **how)

    def script(self, *behaviours: Behaviour | str) -> None:
        """Queue what happens to the next sends."""
        self.plan.script(*behaviours)

    def hang_up(self) -> None:
        """Close every open connection, as a server does with idle ones."""
        self._http.hang_up()


class _Http(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for every thread and no socket is left open
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], brevo: BrevoServer) -> None:
        self.brevo = brevo
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: a client that went away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for head and body
    server: _Http

    def do_GET(self) -> None:
        brevo = self.server.brevo
        if self.path == "/_control":
            self._answer(200, {"calls": len(brevo.calls), "effects": len(brevo.effects())})
        elif self.path == "/_effects":
            self._answer(200, [asdict(effect) for effect in brevo.effects()])
        elif self.path == "/v3/account":
            self._treat(NORMAL if brevo.plan.always is None else brevo.plan.always, {}, "account")
        else:
            self._answer(404, {"message": "no Route matched with those values"})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        brevo = self.server.brevo
        try:
            body = json.loads(raw)
        except ValueError:
            return self._answer(400, {"code": "bad_request", "message": "Input must be a valid JSON object"})
        if self.path == "/_control":
            brevo.plan.load(body)
            return self._answer(200, {})
        if self.path == "/_tell":
            return self._answer(200, {"calls": brevo.tell(**body)})
        if self.path != EMAIL_PATH and self.path not in SMS_PATHS:
            return self._answer(404, {"message": "no Route matched with those values"})
        brevo.calls.append(Call("POST", self.path, body, self.client_address[1]))
        what = "email" if self.path == EMAIL_PATH else "sms"
        return self._treat(brevo.plan.next(body) if brevo.plan.credits[what] else NO_CREDITS, body, what)

    def _treat(self, chosen: Behaviour, body: Any, what: str) -> None:
        reply = self._real(body, what, dry=not chosen.accept)
        brevo = self.server.brevo
        messages = len(body.get("messageVersions") or [body])
        brevo.stopping.wait(brevo.plan.latency + brevo.plan.latency_per_message * messages)
        if chosen.ending == "hang":
            brevo.stopping.wait(chosen.seconds)
        if chosen.ending in ("hang", "close", "reset"):
            return self._break(reset=chosen.ending == "reset")
        if chosen.status:
            return self._answer(
                chosen.status, {"code": chosen.code, "message": chosen.message}, dict(chosen.headers)
            )
        if chosen.ending == "answer":
            return self._answer(reply.status, reply.body)
        return self._spoil(reply, chosen.ending)

    def _real(self, body: Any, what: str, *, dry: bool) -> Reply:
        brevo = self.server.brevo
        if self.headers.get("api-key") != brevo.api_key:
            return fault("unauthorized", "Key not found", 401)
        if what == "account":
            return Reply(200, _account(brevo.plan.credits))
        accept = brevo.log.email if what == "email" else brevo.log.sms
        return accept(body, brevo.plan.rejected, dry=dry)

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _spoil(self, reply: Reply, ending: str) -> None:
        raw = b"<html>oops</html>" if ending == "garbage" else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw[: len(raw) // 2] if ending == "cut" else raw)
        if ending == "cut":
            self._break(reset=False)

    def _break(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:  # no lingering: the close is a reset, not an end of file
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Write no access log."""


def _account(credits: Mapping[str, float]) -> dict[str, Any]:
    plans = [
        {"type": "free", "creditsType": "sendLimit", "credits": credits["email"]},
        {"type": "sms", "creditsType": "sendLimit", "credits": credits["sms"]},
    ]
    return {"email": "owner@x.test", "companyName": "X", "plan": plans}


def main() -> None:
    """Serve until told to stop."""
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--effects", type=Path)
    options.add_argument("--plan", default="{}")
    options.add_argument("--api-key", default=API_KEY)
    given = options.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with BrevoServer(given.port, given.effects, given.api_key) as brevo:
        brevo.plan.load(json.loads(given.plan))
        print(f"ready {brevo.url}", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
