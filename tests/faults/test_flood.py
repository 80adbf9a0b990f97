"""More sockets than a server takes: the rest is refused, and so are those that never say who they are."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import pytest
import requests
import socketio

from routes.live import NOBODY_SECONDS
from tests.servers import Server
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

MOST: Final = 4  # sockets of the one process; a person may have five
FLOOD: Final = 60
SLOWEST: Final = 2.0  # for any request, and some times what it takes without a flood
HANDSHAKE: Final = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Guest:
    """Somebody at a server with room for few sockets."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        account = json.loads((server.data_dir / "superadmin.json").read_text())
        login = requests.post(f"{self.url}/auth/login", json=account, timeout=60).json()
        self.token: str = login["access_token"]

    def connected(self, stack: ExitStack) -> bool:
        """Try to connect; hold on to it where that works."""
        live = socketio.Client(reconnection=False)
        try:
            live.connect(self.url, auth={"token": self.token}, transports=["websocket"], wait_timeout=60)
        except socketio.exceptions.ConnectionError:
            return False
        stack.callback(live.disconnect)
        return True

    def mute(self, stack: ExitStack) -> socket.socket:
        """Open a WebSocket, and never say who we are."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        raw = stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
        raw.sendall(HANDSHAKE.format(host=host).encode())
        return raw

    def asks(self, times: int) -> float:
        """Ask for this and that; return how long the slowest answer took."""
        slowest = 0.0
        head = {"Authorization": f"Bearer {self.token}"}
        for number in range(times):
            begun = time.monotonic()
            path = ("/campus_management/campuses", "/batch_processing/jobs", "/health/ready")[number % 3]
            assert requests.get(self.url + path, headers=head, timeout=30).status_code == 200
            slowest = max(slowest, time.monotonic() - begun)
        return slowest


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    folder: Path = tmp_path_factory.mktemp("flood") / "data"
    environment = {"MAX_SOCKETS": str(MOST), "BCRYPT_ROUNDS": "4", "LOG_LEVEL": "ERROR"}
    with Server(folder, "--workers", "1", environment=environment) as server:
        yield Guest(server)


def test_sockets_over_the_limit_are_refused_and_requests_go_on(guest: Guest) -> None:
    usual = guest.asks(6)
    with ExitStack() as stack, ThreadPoolExecutor(10) as pool:
        asking = pool.submit(guest.asks, 60)
        taken = list(pool.map(lambda _: guest.connected(stack), range(FLOOD)))
        assert sum(taken) == MOST
        slowest = asking.result()
        print(f"{FLOOD} sockets, {sum(taken)} taken; the slowest request {slowest:.2f} s")
        assert slowest < SLOWEST + 10 * usual
    until_free(guest)


def test_sockets_that_never_say_who_they_are_take_no_request_its_thread(guest: Guest) -> None:
    usual = guest.asks(6)
    with ExitStack() as stack:
        raws = [guest.mute(stack) for _ in range(FLOOD)]
        slowest = guest.asks(30)
        print(f"{len(raws)} mute sockets; the slowest request {slowest:.2f} s")
        assert slowest < SLOWEST + 10 * usual
        until_free(guest)  # though they are all still there


def test_a_socket_of_somebody_stays(guest: Guest) -> None:
    with ExitStack() as stack:
        live = socketio.Client(reconnection=False)
        live.connect(guest.url, auth={"token": guest.token}, transports=["websocket"])
        stack.callback(live.disconnect)
        time.sleep(NOBODY_SECONDS + 1.5)

        assert live.call("watch", {"job_id": "0" * 24})["status"] == 404


def until_free(guest: Guest) -> None:
    """Return once there is room for a socket again."""

    def room() -> bool:
        with ExitStack() as stack, suppress(Exception):
            return guest.connected(stack)
        return False

    until(room, "a free place", pause=0.2)
