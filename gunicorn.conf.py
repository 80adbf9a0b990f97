"""How gunicorn serves: every value from the environment, all of it explained in docs/operations.md.

Standard library only, and so is ``utils.hosting``: this runs in gunicorn's own process, before and beside the
application.
"""

import ipaddress
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from utils.hosting import MIB, Hosting, Platform, graceful_seconds, memory, platform, processors

WORKER_MIB = 300
MOST_WORKERS = 32
DEVELOPMENT_WORKERS = 2
SOCKET_PATH_BYTES = 100  # the system allows 107
NOTICE_SECONDS = 0.1


def number(name: str, default: int) -> int:
    """Return the variable as a whole number; the default where it is unset or empty."""
    return int(os.environ.get(name) or default)


def host() -> str:
    """Return HOST where it is an address; some shells keep the machine's name there, not meant for us.

    Without one only this machine is served, or everybody where a platform's router stands in front.
    """
    given = os.environ.get("HOST", "")
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return "127.0.0.1" if platform(os.environ) is Platform.PLAIN else "0.0.0.0"  # noqa: S104
    return f"[{address}]" if address.version == 6 else str(address)


def default_workers() -> int:
    """Return one worker for each core, as far as memory goes; one alone where no Redis connects several."""
    if not os.environ.get("REDIS_URL"):
        return 1
    most = MOST_WORKERS if os.environ.get("APP_ENV") == "production" else DEVELOPMENT_WORKERS
    return max(1, min(most, int(processors() + 0.5), ours.limit // MIB // WORKER_MIB))


def default_threads() -> int:
    """Return 8, the best for requests alone; where sockets are served too, one thread more for each.

    A worker is asked for its health and nothing else; its jobs run on threads of their own.
    """
    role = os.environ.get("WEB_ROLE", "all")
    if role != "all":
        return 2 if role == "worker" else 8
    return number("MAX_SOCKETS", 200) + 16


ours = memory(number("MEMORY_LIMIT_MB", 0))
bind = f"{host()}:{number('PORT', 8000)}"
workers = number("WEB_CONCURRENCY", default_workers())
worker_class = os.environ.get("WORKER_CLASS") or "gthread"
threads = number("THREADS", default_threads())
# above the threads, or gthread neither keeps a connection alive nor lets one wait
worker_connections = number("WORKER_CONNECTIONS", threads + 1000)
backlog = 2048
# its own answers say little: what is a bit too long gets ours, and only what is far too long gets its
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16 * 1024
keepalive = number("KEEP_ALIVE", 10)
# with gthread this ends a worker whose main loop is stuck, not a request that takes long
timeout = number("WORKER_TIMEOUT", 180)
graceful_timeout = number("GRACEFUL_TIMEOUT", graceful_seconds(os.environ))
max_requests = number("MAX_REQUESTS", 0)
max_requests_jitter = max_requests // 10
preload_app = False

accesslog = None  # the application writes one line per request itself
errorlog = "-"
loglevel = (os.environ.get("LOG_LEVEL") or "info").lower()
proc_name = "versant"
forwarded_allow_ips = (
    ""  # the application trusts proxies by count (TRUSTED_PROXIES); nobody else may speak for them
)
if os.access("/dev/shm", os.W_OK):  # noqa: S108 - the heartbeat must not wait for a disk
    worker_tmp_dir = "/dev/shm"  # noqa: S108

# gunicorn's default is one for all servers of a user, where the second takes away the first's
control_socket = str(Path(os.environ.get("DATA_DIR") or "data").absolute() / "gunicorn.ctl")
control_socket_disable = len(os.fsencode(control_socket)) > SOCKET_PATH_BYTES
if os.environ.get("WEB_ROLE") == "worker":  # any number of them over one folder
    control_socket_disable = True

_stoppers: list[threading.Thread] = []
_late: list[int] = []  # jobs that did not come back


def on_starting(_server: Any) -> None:
    """Leave with 78 and a line for each fault where the settings make no server.

    They are read in a process of their own: this one would hand old modules on to workers after a reload.
    """
    if subprocess.call([sys.executable, "-m", "config"]) == os.EX_CONFIG:
        sys.exit(os.EX_CONFIG)


def post_worker_init(worker: Any) -> None:
    """Start the application's background loops, and a thread that stops them once the worker must end."""
    versant = getattr(worker.wsgi, "extensions", {}).get("versant")
    if versant is None:
        return
    versant.hosted(hosting(worker))
    versant.start()
    stopper = threading.Thread(target=_stop_when_told, args=(worker, versant), name="stopper", daemon=True)
    stopper.start()
    _stoppers.append(stopper)


def hosting(worker: Any) -> Hosting:
    """Return what the application needs to look after the workers of this server."""

    def in_flight() -> int:
        waiting = (getattr(worker, name, ()) for name in ("keepalived_conns", "pending_conns"))
        return int(getattr(worker, "nr_conns", 0)) - sum(map(len, waiting))

    most = max(workers, number("WEB_CONCURRENCY_MAX", workers))
    return Hosting(platform(os.environ), ours, worker.ppid, workers, most, in_flight)


def _stop_when_told(worker: Any, versant: Any) -> None:
    """Close the sockets first, or gunicorn waits for them as for requests.

    ``alive`` falls for every cause: SIGTERM, MAX_REQUESTS, a reload; the parent changes when it was killed.
    """
    while worker.alive and worker.ppid == os.getppid():
        time.sleep(NOTICE_SECONDS)
    try:
        _late.append(versant.stop() or 0)
    except Exception:
        worker.log.exception("The background work did not stop cleanly")


def worker_exit(server: Any, worker: Any) -> None:
    """Give the background loops the rest of the graceful time; leave behind what never comes back."""
    for stopper in _stoppers:
        stopper.join(server.cfg.graceful_timeout)
    if any(_late):
        worker.log.warning(
            "%d jobs have not come back; they are left to whoever claims them next", sum(_late)
        )
        os._exit(0)  # Python itself would wait for their threads


def child_exit(_server: Any, worker: Any) -> None:
    """Take a dead worker out of the metrics that all workers share."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return
    from prometheus_client import multiprocess  # noqa: PLC0415 - not needed where metrics are off

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
