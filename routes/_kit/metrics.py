"""First figures in Prometheus' format; over all worker processes when the multiprocess folder is set."""

import hmac
from collections.abc import Iterator
from typing import Any, Final

from flask import Flask, current_app, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from config.settings import Settings
from utils.problems import Forbidden

LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
BUCKETS: Final = tuple(
    0.001 * 2 ** (step / 2) for step in range(30)
)  # 1 ms to 23 s, each 1.41 times the last


class Metrics:
    """The figures of one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        registry = self._registry = CollectorRegistry()
        labels = ("method", "route")
        self.requests = Counter("versant_requests", "Requests", (*labels, "status"), registry=registry)
        self.seconds = Histogram(
            "versant_request_seconds", "Duration of requests", labels, registry=registry, buckets=BUCKETS
        )

    def text(self) -> bytes:
        """Return the exposition text: requests of all processes, gauges of the one that answers."""
        shown = CollectorRegistry()
        if self._settings.prometheus_multiproc_dir:
            MultiProcessCollector(shown, self._settings.prometheus_multiproc_dir)  # type: ignore[no-untyped-call]
        else:
            shown = self._registry
        gauges = CollectorRegistry()
        gauges.register(_Gauges())
        return generate_latest(shown) + generate_latest(gauges)


class _Gauges:
    """What is read when it is asked for."""

    def collect(self) -> Iterator[Metric]:
        """Yield loop ages, sockets and running jobs of this process."""
        runtime = current_app.extensions["versant"]
        ages = GaugeMetricFamily("versant_loop_age_seconds", "Since a loop's last good tick", labels=["loop"])
        for loop in runtime.loops():
            ages.add_metric([loop.name], loop.age)
        yield ages
        running = GaugeMetricFamily("versant_jobs_running", "Durable jobs running here", labels=["queue"])
        for queue, count in runtime.engine.stats().items():
            running.add_metric([queue], count)
        yield running
        yield GaugeMetricFamily("versant_sockets", "Open sockets of this process", value=len(runtime.sockets))


def install(app: Flask, settings: Settings) -> None:
    """Give the app its figures."""
    app.extensions["metrics"] = Metrics(settings)
    app.config["METRICS_TOKEN"] = settings.metrics_token


def observe(route: str, method: str, status: int, seconds: float) -> None:
    """Count one request."""
    metrics: Any = current_app.extensions["metrics"]
    metrics.requests.labels(method, route, str(status)).inc()
    metrics.seconds.labels(method, route).observe(seconds)


def refuse_strangers() -> None:
    """Raise unless the caller is on this machine or has the metrics token."""
    token = current_app.config["METRICS_TOKEN"]
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return
    if token or request.remote_addr not in LOOPBACK or "X-Forwarded-For" in request.headers:
        raise Forbidden("Figures are for this machine, or for whoever has METRICS_TOKEN.")
