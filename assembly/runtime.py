"""One running server process: what the routes, the start scripts and the tests hold on to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from flask import Flask
from flask_socketio import SocketIO

from assembly import work
from assembly.areas import Areas
from assembly.base import Base
from assembly.outside import Outside
from config.settings import Settings
from connection_monitor import ConnectionMonitor
from routes._kit.replies import ReplyCache
from routes.live import LiveSockets
from services.audit.area import AuditArea
from services.freshness.area import FreshnessArea
from services.jobs.engine import DurableEngine
from services.notifications.rendering import Renderer
from services.ports import Bus, Channel, FileStore, MessageSender
from services.processes.heartbeat import Heartbeat
from services.processes.hosted import HostedWorkers
from services.registry import Services
from utils.async_processor import AsyncProcessor
from utils.hosting import Hosting
from utils.hosting_worker_manager import Relief, Rules
from utils.resilient_services import Breakers
from utils.store import Store
from utils.supervisor import LoopHealth, Supervisor

SHRINK_SHARE: Final = 0.5  # of what the caches hold is given back when memory is short
DRAIN_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a process by name. Made before the fork's loops run, started once after it."""

    settings: Settings
    services: Services
    store: Store
    audits: AuditArea
    renderer: Renderer
    senders: Mapping[Channel, MessageSender]
    files: FileStore
    engine: DurableEngine
    processor: AsyncProcessor
    breakers: Breakers
    bus: Bus
    fresh: FreshnessArea
    replies: ReplyCache
    supervisor: Supervisor
    monitor: ConnectionMonitor
    sockets: LiveSockets
    socketio: SocketIO
    heartbeat: Heartbeat
    workers: HostedWorkers

    @classmethod
    def over(cls, app: Flask, socketio: SocketIO, settings: Settings, version: str) -> Self:
        """Put a process together. Opens no connection and starts nothing."""
        base = Base.over(settings, app.extensions["metrics"])
        outside = Outside.over(base, socketio)
        areas = Areas.over(base, outside)
        engine, role = outside.engine, settings.web_role
        work.handle_jobs(engine, areas, settings)
        if most := work.seats(outside, role):
            engine.install(base.supervisor, most, settings.job_longest_seconds)
        sockets = LiveSockets(app, socketio, 0 if role == "worker" else settings.max_sockets)
        work.run_loops(base, areas, sockets)
        beat = work.heartbeat(base, areas, version, engine, sockets, most)
        replies = ReplyCache.over(settings, areas.fresh.versions, base.clock)
        relief = _relief(areas.fresh, replies)
        return cls(
            settings=settings,
            services=areas.services(base, outside),
            store=base.store,
            audits=base.audits,
            renderer=areas.messages.renderer,
            senders=areas.messages.senders,
            files=outside.contents,
            engine=engine,
            processor=base.processor,
            breakers=base.breakers,
            bus=base.bus,
            fresh=areas.fresh,
            replies=replies,
            supervisor=base.supervisor,
            monitor=base.monitor,
            sockets=sockets,
            socketio=socketio,
            heartbeat=beat,
            workers=HostedWorkers(areas.processes, beat, _rules(settings), relief, base.clock),
        )

    def hosted(self, hosting: Hosting) -> None:
        """Look after the workers of the server that we are one of; called before ``start``."""
        self.workers.install(hosting, self.supervisor, self.sockets)

    def start(self) -> None:
        """Start the background loops; called once per process, after the fork."""
        self.supervisor.start()

    def stop(self) -> int:
        """Close the sockets, claim nothing more, let running jobs reach a safe point, stop the loops.

        Return how many jobs did not come to one: their threads still run.
        """
        self.sockets.close_all()
        self.heartbeat.drain()
        late = self.engine.drain(DRAIN_SECONDS)
        self.supervisor.stop()
        self.heartbeat.leave()
        return late

    def loops(self) -> Sequence[LoopHealth]:
        """Return how every background loop does."""
        return self.supervisor.health()


def _rules(settings: Settings) -> Rules:
    return Rules(
        every=settings.worker_check_seconds,
        pressure=settings.memory_pressure_percent / 100,
        pause=settings.recycle_pause_seconds,
        stuck=settings.loop_stuck_seconds,
        overdue=settings.job_longest_seconds + settings.loop_stuck_seconds,
    )


def _relief(fresh: FreshnessArea, replies: ReplyCache) -> Relief:
    relief = Relief()
    relief.add(lambda: fresh.cache.shrink(SHRINK_SHARE))
    relief.add(lambda: replies.shrink(SHRINK_SHARE))
    return relief
