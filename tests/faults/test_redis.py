"""Redis dies, comes back, stands still: no request notices, and whoever watches a job hears of it again."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import psutil
import pytest
import requests
import socketio

from tests.faults.client import PatientClient
from tests.faults.product import Product, kill
from tests.faults.provider import TroubledProvider
from tests.faults.rosters import RosterMaker
from tests.faults.uploads import make_batch, upload
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

QUIET: Final = {"email": 0.0, "sms": 0.0}
SLOW_CALL, QUICK_CALL = 0.25, 0.0
STANDS_STILL: Final = 2.5
SLOWEST: Final = 15.0  # seconds for any request, on a machine that does much else
MOST_SOCKETS: Final = 5


class Watcher:
    """One socket: which worker holds it, and what it heard when."""

    def __init__(self, product: Product, token: str) -> None:
        self.heard: list[tuple[float, Any]] = []
        self._live = socketio.Client(reconnection=False)
        self._live.on(
            "batch_job:progress", lambda state: self.heard.append((time.monotonic(), state["state"]))
        )
        self._live.connect(product.url(), auth={"token": token}, transports=["websocket"])
        self.worker = self._holder(product)

    def watch(self, job_id: str) -> None:
        assert self._live.call("watch", {"job_id": job_id})["watching"] == job_id

    def heard_since(self, moment: float) -> list[Any]:
        return [state for at, state in self.heard if at > moment]

    def close(self) -> None:
        self._live.disconnect()

    def _holder(self, product: Product) -> int:
        mine = self._live.eio.ws.sock.getsockname()[1]
        for pid in product.pids().workers:
            with suppress(psutil.Error):
                if any(end.raddr and end.raddr.port == mine for end in psutil.Process(pid).net_connections()):
                    return pid
        return 0


class Knocker(Thread):
    """Asks for the job and its list without a pause, and keeps what went wrong."""

    def __init__(self, url: str, token: str, paths: list[str]) -> None:
        super().__init__(daemon=True)
        self._url, self._token, self._paths = url, token, paths
        self._enough = Event()
        self.asked, self.slowest = 0, 0.0
        self.failed: list[str] = []

    def run(self) -> None:
        with requests.Session() as http:
            http.headers["Authorization"] = f"Bearer {self._token}"
            while not self._enough.is_set():
                self._ask(http, self._paths[self.asked % len(self._paths)])

    def _ask(self, http: requests.Session, path: str) -> None:
        begun = time.monotonic()
        try:
            status = str(http.get(self._url + path, timeout=30).status_code)
        except requests.RequestException as error:
            status = type(error).__name__
        if status != "200":
            self.failed.append(f"{path}: {status}")
        self.asked += 1
        self.slowest = max(self.slowest, time.monotonic() - begun)

    def stop(self) -> None:
        self._enough.set()
        self.join()


@pytest.fixture
def provider() -> Iterator[TroubledProvider]:
    provider = TroubledProvider(1, QUIET, latency=SLOW_CALL)
    with provider.brevo:
        yield provider


def one_watcher_per_worker(product: Product, token: str, stack: ExitStack) -> list[Watcher]:
    watchers: dict[int, Watcher] = {}
    for _ in range(40):
        watcher = Watcher(product, token)
        if watcher.worker in watchers or not watcher.worker:
            watcher.close()
            continue
        stack.callback(watcher.close)
        watchers[watcher.worker] = watcher
        if len(watchers) == len(product.pids().workers):
            return list(watchers.values())
    raise AssertionError("one worker takes every socket")


def test_no_request_fails_while_redis_is_away_and_the_watchers_hear_again(
    folder: Path, provider: TroubledProvider
) -> None:
    with ExitStack() as stack:
        # Given a job, watched in every process
        product = stack.enter_context(Product(folder, provider.environment))
        client = PatientClient(product.url)
        client.log_in(product.data_dir / "superadmin.json")
        shown = upload(client, RosterMaker(1).make(250), make_batch(client))
        path = f"/student_management/imports/{shown['id']}"
        until(lambda: client.get(path)["job_id"], "the job")
        job_id = client.get(path)["job_id"]
        watchers = one_watcher_per_worker(product, client.token, stack)
        for watcher in watchers:
            watcher.watch(job_id)
        until(lambda: all(watcher.heard for watcher in watchers), "all hear of the job")
        job = f"/batch_processing/jobs/{job_id}"
        knocker = Knocker(product.url(), client.token, [job, f"{job}/recipients", "/health/ready"])
        stack.callback(knocker.stop)
        knocker.start()

        # When Redis is killed, comes back, stands still, goes on
        old = product.pids().redis
        kill(old)
        until(lambda: product.pids().redis not in (0, old), "Redis runs again")
        back = time.monotonic()
        until(lambda: all(watcher.heard_since(back) for watcher in watchers), "all hear again")
        kill(product.pids().redis, signal.SIGSTOP)
        time.sleep(STANDS_STILL)
        kill(product.pids().redis, signal.SIGCONT)
        going_on = time.monotonic()
        until(lambda: all(watcher.heard_since(going_on) for watcher in watchers), "all hear once more")
        provider.brevo.plan.latency = QUICK_CALL

        # Then everybody hears of the end, and no request has failed
        until(lambda: all(w.heard_since(going_on)[-1] == "completed" for w in watchers), "the end")
        knocker.stop()
        print(f"{knocker.asked} requests, the slowest {knocker.slowest:.2f} s")
        assert knocker.failed == []
        assert knocker.slowest < SLOWEST
        assert client.repeats == 0
