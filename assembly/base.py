"""What everything else of one server process stands on."""

from dataclasses import dataclass
from typing import Self

from config.database import mongo_client
from config.settings import Settings
from connection_monitor import ConnectionMonitor
from integrations.memory import MemoryBus
from integrations.redis_bus import RedisBus
from integrations.redis_live import redis_client
from routes._kit.metrics import Metrics
from services.audit.area import AuditArea
from services.audit.service import AuditService
from services.ports import Bus
from utils.async_processor import AsyncProcessor
from utils.clock import SystemClock
from utils.lanes import Bound
from utils.mongo_watch import MongoWatch
from utils.resilient_services import Breakers
from utils.store import Store
from utils.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Base:
    """Settings, time, threads, the database, and what watches over them."""

    settings: Settings
    clock: SystemClock
    supervisor: Supervisor
    processor: AsyncProcessor
    monitor: ConnectionMonitor
    watch: MongoWatch
    bus: Bus
    store: Store
    breakers: Breakers
    audits: AuditArea
    figures: Metrics

    @classmethod
    def over(cls, settings: Settings, figures: Metrics) -> Self:
        """Return the base; no connection is opened before its first use."""
        clock = SystemClock()
        supervisor = Supervisor(clock)
        immediate = Bound(settings.immediate_workers, settings.immediate_queue)
        processor = AsyncProcessor(settings.job_workers, immediate, figures=figures, clock=clock)
        monitor = ConnectionMonitor(clock, processor)
        monitor.install(supervisor)
        monitor.when_back(supervisor.wake)
        bus = _bus(settings, clock, supervisor)
        watch = MongoWatch(lambda: monitor.suspect("mongodb"))
        store = Store(mongo_client(settings, [watch]), lambda: monitor.away("mongodb"))
        monitor.watch("mongodb", store.ping, required=True)
        if settings.redis_url:
            monitor.watch("redis", redis_client(settings.redis_url).ping, required=False)
        return cls(
            settings=settings,
            clock=clock,
            supervisor=supervisor,
            processor=processor,
            monitor=monitor,
            watch=watch,
            bus=bus,
            store=store,
            breakers=Breakers(clock, figures.breaker_changed),
            audits=AuditArea.over(store, settings.receipt_key, clock),
            figures=figures,
        )

    @property
    def audit(self) -> AuditService:
        """What everybody records sensitive actions with."""
        return self.audits.service


def _bus(settings: Settings, clock: SystemClock, supervisor: Supervisor) -> Bus:
    if not settings.redis_url:
        return MemoryBus()
    bus = RedisBus(settings.redis_url, clock)
    bus.install(supervisor)
    return bus
