"""What the processes of one machine are told: the person's own environment, completed."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from startup_scripts.embedded_services import EmbeddedServices
from startup_scripts.superadmin import superadmin

RUNNING: Final = "running.json"
_SHARED: Final = ("MONGODB_URI", "REDIS_URL", "DATA_DIR", "PORT", "PUBLIC_URL")


def environment_for(base: Mapping[str, str], services: EmbeddedServices, port: int) -> dict[str, str]:
    """Return the environment in which the application finds these services and its first superadmin."""
    data_dir = services.folder.path
    account = superadmin(data_dir, base)
    return {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        **base,
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "FLASK_SKIP_DOTENV": "1",  # its commands would read .env once more, whichever file was meant
        "DATA_DIR": str(data_dir),
        "MONGODB_URI": services.mongodb_uri,
        "REDIS_URL": services.redis_url or "",
        "SUPERADMIN_USERNAME": account.username,
        "SUPERADMIN_PASSWORD": account.password,
    }


def for_web(environment: Mapping[str, str], workers: int | None) -> dict[str, str]:
    """Return the same for gunicorn: with the number of workers and an empty folder for shared metrics."""
    metrics = Path(environment["DATA_DIR"]) / "prometheus"
    shutil.rmtree(metrics, ignore_errors=True)  # counters of processes that are gone
    metrics.mkdir(mode=0o700)
    chosen = {"WEB_CONCURRENCY": str(workers)} if workers else {}
    alone = {} if environment["REDIS_URL"] else {"WEB_CONCURRENCY": "1"}
    # many threads, each with an arena of its own, would keep what a busy hour needed
    memory = {"MALLOC_ARENA_MAX": environment.get("MALLOC_ARENA_MAX", "2")}
    return {**environment, "PROMETHEUS_MULTIPROC_DIR": str(metrics), **memory, **chosen, **alone}


def note_running(environment: Mapping[str, str]) -> Path:
    """Leave a file, for us alone, by which commands in another terminal find this server; return it."""
    path = Path(environment["DATA_DIR"]) / RUNNING
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({name: environment[name] for name in _SHARED}, file)
    return path


def running(data_dir: Path) -> dict[str, Any]:
    """Return how to reach the server that runs over this folder; empty where none does."""
    try:
        found: dict[str, Any] = json.loads((data_dir / RUNNING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
