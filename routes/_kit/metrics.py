"""First figures in Prometheus' format; over all worker processes when the multiprocess folder is set."""

import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask import Flask, current_app, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from config.settings import Settings
from utils.problems import Forbidden
from utils.resilient_services import Breakers, BreakerState

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

        queue = ("queue",)
        self.tasks = Counter("versant_tasks", "Tasks that ended", (*queue, "state"), registry=registry)
        self.refused = Counter("versant_tasks_refused", "Tasks without a place", queue, registry=registry)
        self.task_seconds = Histogram(
            "versant_task_seconds", "Duration of tasks", queue, registry=registry, buckets=BUCKETS
        )
        self.task_wait = Histogram(
            "versant_task_wait_seconds", "Tasks' wait for a seat", queue, registry=registry, buckets=BUCKETS
        )
        self.waiting = _sum_over_processes("versant_tasks_waiting", "Tasks that wait", queue, registry)
        self.running = _sum_over_processes("versant_tasks_running", "Tasks that run", queue, registry)
        self.hashes = Counter("versant_hashes", "Passwords that were hashed or compared", registry=registry)
        self.breakers = Counter(
            "versant_breaker_changes", "Changes of a breaker's state", ("breaker", "to"), registry=registry
        )

    def queue_is(self, queue: str, waiting: int, running: int) -> None:
        """Hear how full a queue of this process is now."""
        self.waiting.labels(queue).set(waiting)
        self.running.labels(queue).set(running)

    def task_refused(self, queue: str) -> None:
        """Count a task that found no place."""
        self.refused.labels(queue).inc()

    def task_ended(self, queue: str, state: str, waited: float, seconds: float) -> None:
        """Count what became of a task."""
        self.tasks.labels(queue, state).inc()
        self.task_wait.labels(queue).observe(waited)
        self.task_seconds.labels(queue).observe(seconds)

    def hash_begun(self) -> None:
        """Count a password that is hashed, to be kept or to be compared."""
        self.hashes.inc()

    def breaker_changed(self, breaker: str, to: str) -> None:
        """Count a breaker that has opened, tries or has closed."""
        self.breakers.labels(breaker, to).inc()

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


def _sum_over_processes(
    name: str, meaning: str, labels: tuple[str, ...], registry: CollectorRegistry
) -> Gauge:
    return Gauge(name, meaning, labels, registry=registry, multiprocess_mode="livesum")


class _Gauges:
    """What is read when it is asked for."""

    def collect(self) -> Iterator[Metric]:
        """Yield loop ages, running jobs, breakers, dependencies and sockets of this process."""
        runtime = current_app.extensions["versant"]
        ages = GaugeMetricFamily("versant_loop_age_seconds", "Since a loop's last good tick", labels=["loop"])
        for loop in runtime.loops():
            ages.add_metric([loop.name], loop.age)
        yield ages
        running = GaugeMetricFamily("versant_jobs_running", "Durable jobs running here", labels=["queue"])
        for queue, count in runtime.engine.stats().items():
            running.add_metric([queue], count)
        yield running
        yield _breakers(runtime.breakers)
        yield from _caches({"data": runtime.fresh.cache.figures(), "replies": runtime.replies.figures()})
        up = GaugeMetricFamily("versant_dependency_up", "Whether its last ping was answered", labels=["name"])
        for part in runtime.monitor.known():
            up.add_metric([part.name], part.ok)
        yield up
        yield GaugeMetricFamily("versant_sockets", "Open sockets of this process", value=len(runtime.sockets))


def _breakers(breakers: Breakers) -> Metric:
    family = GaugeMetricFamily(
        "versant_breaker_state", "1 for the state it is in", labels=["breaker", "state"]
    )
    for breaker in breakers.all():
        for state in BreakerState:
            family.add_metric([breaker.name, state], float(breaker.state is state))
    return family


def _caches(caches: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    """Yield what the caches of this process hold and how often they helped; a word becomes a label."""
    names = dict.fromkeys(name for figures in caches.values() for name in figures)
    for name in names:
        family = GaugeMetricFamily(
            f"versant_cache_{name}", f"Cache of this process: {name}", labels=["cache"]
        )
        words = GaugeMetricFamily(f"versant_cache_{name}", "Its state", labels=["cache", "state"])
        for cache, figures in caches.items():
            if isinstance(value := figures.get(name), str):
                words.add_metric([cache, value], 1.0)
            elif value is not None:
                family.add_metric([cache], float(value))
        yield words if words.samples else family


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
