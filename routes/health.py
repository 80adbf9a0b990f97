"""/health: is the process alive, and can it serve?"""

from typing import Any

from flask import Blueprint, Response, current_app
from pydantic import BaseModel

from routes._kit import metrics as figures
from routes._kit.endpoint import PUBLIC, SIGNATURE, route
from services.batch_jobs.documents import ChannelState
from utils.problems import Forbidden
from utils.supervisor import LoopHealth

bp = Blueprint("health", __name__)


class Alive(BaseModel):
    status: str = "alive"


class Part(BaseModel):
    """One dependency or loop."""

    name: str
    ok: bool
    required: bool
    detail: str = ""
    extra: dict[str, Any] = {}


class Readiness(BaseModel):
    """``ready`` is true when every required part is fine; ``degraded`` names the others that are not."""

    ready: bool
    degraded: list[str]
    parts: list[Part]


@route(bp, "GET", "/health/live", permission=PUBLIC)
def live() -> Alive:
    """Tell that the process answers. Asks nothing of any dependency."""
    return Alive()


@route(bp, "GET", "/health/ready", permission=PUBLIC, failure=503)
def ready() -> Response:
    """Tell whether this server can do its work: 200 or 503, with every dependency and loop by name."""
    runtime = current_app.extensions["versant"]
    parts = [
        Part(
            name=part.name,
            ok=part.ok,
            required=runtime.monitor.required(part.name),
            detail=part.detail,
            extra=dict(part.extra),
        )
        for part in runtime.monitor.health()
    ]
    parts.append(_bus(dict(runtime.bus.status())))
    known = runtime.services.channels.known
    parts += [_channel(known(channel), dict(sender.status())) for channel, sender in runtime.senders.items()]
    parts += [_loop(loop) for loop in runtime.loops()]
    bad = [part for part in parts if not part.ok]
    readiness = Readiness(
        ready=not any(part.required for part in bad),
        degraded=[part.name for part in bad if not part.required],
        parts=parts,
    )
    body = readiness.model_dump_json()
    return Response(body, 200 if readiness.ready else 503, mimetype="application/json")


@route(bp, "GET", "/metrics", permission=SIGNATURE, raises=[Forbidden], media_type="text/plain")
def metrics() -> Response:
    """Return the figures in Prometheus' format: to this machine, or for ``METRICS_TOKEN``."""
    figures.refuse_strangers()
    text = current_app.extensions["metrics"].text()
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _channel(state: ChannelState, status: dict[str, Any]) -> Part:
    """Return how a channel is. Why it is paused is for those who run it (``…/status``): all read this."""
    breaker = status.get("breaker") or {}
    if state.paused:
        extra = status | {"paused_since": state.since}
        return Part(name=state.id, ok=False, required=False, detail="paused", extra=extra)
    fine = breaker.get("state", "closed") != "open"
    return Part(name=state.id, ok=fine, required=False, detail="" if fine else "waits", extra=status)


def _bus(status: dict[str, Any]) -> Part:
    fine = bool(status["hears"])
    return Part(name="bus", ok=fine, required=False, detail="" if fine else "is deaf", extra=status)


def _loop(loop: LoopHealth) -> Part:
    extra = {"age_s": round(loop.age, 1), "failures": loop.failures}
    return Part(name=f"loop:{loop.name}", ok=loop.well, required=True, extra=extra)
