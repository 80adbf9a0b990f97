"""The composition root: the one module that knows which class fills which role.

Importing it does nothing. ``create_app`` builds an app; ``Runtime.start`` starts its background loops.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Flask
from flask_socketio import SocketIO

from commands import Commands
from config.constants import SOCKET_MESSAGE_BYTES
from config.database import mongo_client
from config.log_setup import setup_logs
from config.settings import Settings
from connection_monitor import ConnectionMonitor
from integrations.brevo import BrevoEmail, BrevoSms
from integrations.brevo_client import BrevoClient
from integrations.dramatiq_engine import Bells, DramatiqEngine
from integrations.local_files import LocalFiles
from integrations.memory import MemoryBus
from integrations.no_scanner import NoScanner
from integrations.outbox import LocalOutbox, OutboxSender
from integrations.redis_bus import RedisBus
from integrations.redis_cache import RedisTier
from integrations.redis_live import RedisLive, redis_client
from integrations.redis_pacer import RedisPacer
from integrations.s3_files import S3Files, s3_client
from integrations.socketio_feed import SocketIOFeed
from integrations.threads_engine import ThreadsEngine
from routes import install_routes
from routes._kit.metrics import Metrics
from routes._kit.replies import ReplyCache
from routes.live import LiveSockets
from services.accounts.area import AccountArea, Surroundings
from services.accounts.forgotten import FORGOTTEN_JOB
from services.audit.repository import AuditRepository
from services.audit.service import AuditService
from services.batch_jobs.area import BatchJobArea
from services.batch_jobs.composing import Composer
from services.batch_jobs.delivery_log import DeliveryLog
from services.batch_jobs.documents import JobType
from services.batch_jobs.event_repository import EventRepository
from services.batch_jobs.events import EventService
from services.batch_jobs.flow import Flow
from services.batch_jobs.log_repository import LogRepository
from services.batch_jobs.pace_repository import MongoPacer
from services.batch_jobs.pacing import Pacer
from services.batch_jobs.precautions import Precautions
from services.batch_jobs.retention import ORDER_SECONDS, RETENTION_JOB
from services.batch_jobs.retrying import RETRY_JOB
from services.batch_jobs.service import FINISH_JOB, SEND_JOB
from services.breakers.probing import BreakerProbing
from services.breakers.service import BreakerService
from services.campuses.lookup import PlaceLookup
from services.campuses.repository import Places
from services.files.checking import SWEEP_JOB, FileChecking, SweepClock
from services.files.repository import FileRepository
from services.files.service import CHECK_JOB, FileService
from services.freshness.area import FreshnessArea
from services.idempotency.repository import IdempotencyRepository
from services.idempotency.service import IdempotencyService
from services.imports.area import ImportArea
from services.imports.service import APPLY_JOB, PREVIEW_JOB
from services.imports.undo import UNDO_JOB
from services.jobs.engine import DurableEngine
from services.jobs.repository import JobRepository
from services.notifications.editing import TemplateEditing
from services.notifications.inbox import InboxSender, InboxService
from services.notifications.inbox_repository import InboxRepository
from services.notifications.rendering import Renderer
from services.notifications.repository import TemplateRepository
from services.notifications.service import TemplateService
from services.notifications.suppression import SuppressionService
from services.notifications.suppression_repository import SuppressionRepository
from services.notifications.texts import MessageTexts
from services.ports import JSON, Bus, Channel, FileStore, MessageSender, Queue
from services.processes.heartbeat import Heartbeat
from services.processes.hosted import HostedWorkers
from services.processes.repository import ProcessRepository
from services.processes.service import ProcessService
from services.registry import Services
from services.students.area import StudentArea
from services.students.credentials import FILL_JOB
from utils.async_processor import AsyncProcessor
from utils.clock import SystemClock
from utils.context import CAUSES
from utils.hosting import Hosting
from utils.hosting_worker_manager import Relief, Rules
from utils.lanes import Bound
from utils.mongo_watch import MongoWatch
from utils.offload import Offload
from utils.own_process import cpu_cores, memory_figures
from utils.resilient_services import Breakers
from utils.store import Store
from utils.supervisor import LoopHealth, Supervisor

ROOT: Final = Path(__file__).resolve().parent
SHRINK_SHARE: Final = 0.5  # of what the caches hold is given back when memory is short
DRAIN_SECONDS: Final = 20.0
BELLS_AWAY_SECONDS: Final = 2.0
IMPORT_SEATS: Final = 2
FILE_SEATS: Final = 2
PROVIDED: Final = (Channel.EMAIL, Channel.SMS)  # what others carry for us
MESSAGE_SEATS: Final = 2  # what only prepares messages, or ends a job
PROVIDER_SEATS, OUTBOX_SEATS = (
    8,
    2,
)  # of each channel; a provider is waited for, the outbox costs our own time


@dataclass(frozen=True, slots=True)
class Runtime:
    """One running server process: what the routes, the start scripts and the tests hold on to."""

    settings: Settings
    services: Services
    store: Store
    renderer: Renderer
    senders: Mapping[Channel, MessageSender]
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

    def hosted(self, hosting: Hosting) -> None:
        """Look after the workers of the server that we are one of; called before ``start``."""
        self.workers.install(hosting, self.supervisor, self.sockets)

    def start(self) -> None:
        """Start the background loops; called once per process, after the fork."""
        self.supervisor.start()

    def stop(self) -> None:
        """Close the sockets, claim nothing more, let running jobs reach a safe point, stop the loops."""
        self.sockets.close_all()
        self.heartbeat.drain()
        self.engine.drain(DRAIN_SECONDS)
        self.supervisor.stop()
        self.heartbeat.leave()

    def loops(self) -> Sequence[LoopHealth]:
        """Return how every background loop does."""
        return self.supervisor.health()


def create_app(settings: Settings | None = None) -> Flask:
    """Build the app with everything behind it. Opens no connection until the first use."""
    settings = settings or Settings.from_env()
    setup_logs(settings.log_level, CAUSES)
    app = Flask("versant", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    install_routes(app, settings, version=version())
    socketio = _socketio(app, settings)
    app.extensions["versant"] = _runtime(app, socketio, settings)
    app.cli = Commands("versant")
    return app


def version() -> str:
    """Return the version that CHANGELOG.md names first."""
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    return next(line.split("[", 1)[1].split("]", 1)[0] for line in lines if line.startswith("## ["))


def _socketio(app: Flask, settings: Settings) -> SocketIO:
    manager = RedisLive(settings.redis_url) if settings.redis_url else None
    return SocketIO(
        app,
        async_mode="threading",
        client_manager=manager,
        transports=["websocket"],
        cors_allowed_origins=list(settings.cors_origins) or None,
        max_http_buffer_size=SOCKET_MESSAGE_BYTES,
        manage_session=False,
        ping_interval=20,
        ping_timeout=20,
    )


def _runtime(app: Flask, socketio: SocketIO, settings: Settings) -> Runtime:
    clock = SystemClock()
    supervisor = Supervisor(clock)
    figures: Metrics = app.extensions["metrics"]
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
    renderer = Renderer(ROOT / "templates", settings.product_name)
    breakers = Breakers(clock, figures.breaker_changed)
    engine = _engine(settings, store, processor, clock, breakers)
    feed, inbox = SocketIOFeed(socketio), InboxRepository(store)
    outbox, messengers = _messengers(settings, clock, breakers)
    senders = {**messengers, Channel.INBOX: InboxSender(inbox, feed, clock)}
    audit = AuditService(AuditRepository(store), clock)

    edited = TemplateRepository(store)
    texts = MessageTexts(renderer, edited, dlt_required=settings.sms_dlt_required)
    jobs = BatchJobArea.over(settings, store, clock, audit, engine, texts, senders, feed)
    suppressions = SuppressionService(SuppressionRepository(store), audit, store)
    events = EventService(EventRepository(store), suppressions, jobs.announcer, clock)
    idempotency = IdempotencyService(IdempotencyRepository(store), store, clock)
    offload = Offload(len(os.sched_getaffinity(0)), settings.hash_queue)
    processes = ProcessRepository(store)
    known_processes = ProcessService(processes)
    breaker_service = BreakerService(breakers, known_processes, store, audit, bus)
    fresh = FreshnessArea.over(settings, store, bus, clock, _shared_tier(settings, breakers, supervisor))
    fresh.versions.install(supervisor)
    replies = ReplyCache.over(settings, fresh.versions, clock)
    places = Places.over(store, fresh.cache)
    lookup = PlaceLookup(places)
    templates = TemplateService(texts, edited, renderer, lookup, settings.link_base)
    around = Surroundings(
        settings=settings,
        store=store,
        clock=clock,
        offload=offload,
        audit=audit,
        idempotency=idempotency,
        batch_jobs=jobs.service,
        engine=engine,
        renderer=renderer,
        places=lookup,
        bus=bus,
        templates=templates,
    )
    flow = Flow.over(settings, store, clock, audit, senders, _pacer(settings, store, clock), lookup)
    people = AccountArea.over(around)
    students = StudentArea.over(around, people, places, lookup)
    contents, local_files = _files(settings, clock, breakers)
    rosters = ImportArea.over(around, people, students, lookup, contents, feed)
    files = FileRepository(store)
    checking = FileChecking(files, contents, NoScanner(), store, audit, clock)
    services = Services(
        accounts=people.accounts,
        admins=people.admins,
        audit=audit,
        authentication=people.authentication,
        batch_job_control=jobs.control,
        batch_job_reports=jobs.reports,
        batch_jobs=jobs.service,
        batches=students.batches,
        breakers=breaker_service,
        channels=flow.service,
        campuses=students.campuses,
        courses=students.courses,
        credentials=people.credentials,
        dead_letters=jobs.dead_letters,
        delivery_log=DeliveryLog(LogRepository(store), clock),
        events=events,
        files=FileService(files, contents, store, engine, audit, lookup, clock),
        forgotten=people.forgotten,
        idempotency=idempotency,
        imports=rosters.imports,
        import_undo=rosters.undo,
        local_files=local_files,
        inbox=InboxService(inbox),
        outbox=outbox,
        password_choice=people.password_choice,
        processes=known_processes,
        student_credentials=students.credentials,
        student_removal=students.removal,
        students=students.students,
        suppressions=suppressions,
        template_editing=TemplateEditing(templates, texts, edited, store, audit, clock),
        template_trials=people.trials,
        templates=templates,
    )
    composers: dict[JobType, Composer] = {
        JobType.CREDENTIALS: people.composer,
        JobType.TEMPLATE_TEST: people.trial_composer,
    }
    precautions = Precautions(jobs.stored.deliveries, suppressions, settings.sms_settle_minutes * 60)
    sending = jobs.sending(composers, people.rights, precautions, flow.gate)
    engine.handle(SEND_JOB, sending.run, sending.dead)
    engine.handle(FINISH_JOB, sending.finish, _nothing)
    engine.handle(RETRY_JOB, jobs.retrying.run, jobs.retrying.dead)
    engine.handle(RETENTION_JOB, jobs.retention.run, _nothing)
    engine.handle(FORGOTTEN_JOB, people.forgotten.run, people.forgotten.dead)
    engine.handle(FILL_JOB, students.credentials.fill, students.credentials.dead)
    engine.handle(PREVIEW_JOB, rosters.jobs.preview, rosters.jobs.dead)
    engine.handle(APPLY_JOB, rosters.jobs.apply, rosters.jobs.dead)
    engine.handle(CHECK_JOB, checking.check, checking.dead)
    engine.handle(SWEEP_JOB, checking.sweep, _nothing)
    engine.handle(UNDO_JOB, rosters.jobs.undo, rosters.jobs.undo_dead)

    role = settings.web_role
    sockets = LiveSockets(app, socketio, 0 if role == "worker" else settings.max_sockets)
    sending_seats = PROVIDER_SEATS if outbox is None else OUTBOX_SEATS
    seats = {
        Queue.IMPORTS: IMPORT_SEATS,
        Queue.MESSAGES: MESSAGE_SEATS,
        Queue.EMAIL: sending_seats,
        Queue.SMS: sending_seats,
        Queue.INBOX: MESSAGE_SEATS,
        Queue.FILES: FILE_SEATS,
    }
    if role == "web":
        seats = {}
    else:
        engine.install(supervisor, seats)
    supervisor.add("announce-jobs", 0.2, jobs.announcer.tick)
    supervisor.add("order-retention", ORDER_SECONDS, jobs.retention.order)
    supervisor.add("announce-imports", 0.2, rosters.announcer.tick)
    supervisor.add("watch-channels", 1.0, flow.channels.tick)
    supervisor.add("match-events", 5.0, events.try_again)
    supervisor.add("drop-stale-sockets", 0.6, sockets.drop_stale)
    supervisor.add("probe-breakers", 1.0, BreakerProbing(breakers, processor, clock).tick)
    heartbeat = Heartbeat(processes, role, version(), lambda: monitor.suspect("mongodb"))
    supervisor.add("order-file-sweep", 600.0, SweepClock(engine, clock).tick)
    heartbeat.show("loops", supervisor.figures)
    heartbeat.show("queues", lambda: _queues(seats, engine.stats()))
    heartbeat.show("sockets", lambda: len(sockets))
    heartbeat.show("memory", memory_figures)
    heartbeat.show("cpu", cpu_cores)
    heartbeat.show("cache", fresh.cache.figures)
    heartbeat.show("mongodb", watch.figures)
    breaker_service.install(heartbeat)
    heartbeat.install(supervisor)
    relief = Relief()
    relief.add(lambda: fresh.cache.shrink(SHRINK_SHARE))
    relief.add(lambda: replies.shrink(SHRINK_SHARE))
    return Runtime(
        settings=settings,
        services=services,
        store=store,
        renderer=renderer,
        senders=senders,
        engine=engine,
        processor=processor,
        breakers=breakers,
        bus=bus,
        fresh=fresh,
        replies=replies,
        supervisor=supervisor,
        monitor=monitor,
        sockets=sockets,
        socketio=socketio,
        heartbeat=heartbeat,
        workers=HostedWorkers(processes, heartbeat, _rules(settings), relief, clock),
    )


def _rules(settings: Settings) -> Rules:
    return Rules(
        every=settings.worker_check_seconds,
        pressure=settings.memory_pressure_percent / 100,
        pause=settings.recycle_pause_seconds,
        stuck=settings.loop_stuck_seconds,
    )


def _engine(
    settings: Settings, store: Store, processor: AsyncProcessor, clock: SystemClock, breakers: Breakers
) -> DurableEngine:
    jobs, lease = JobRepository(store), settings.lease_seconds
    if settings.job_engine == "threads":
        return ThreadsEngine(jobs, store, processor, clock, lease)
    breaker = breakers.take("redis-bells", failures=1, open_seconds=BELLS_AWAY_SECONDS, successes_to_close=1)
    bells = Bells(settings.redis_url, f"versant:{store.name}", breaker)
    return DramatiqEngine(jobs, store, processor, clock, lease, bells)


def _queues(seats: Mapping[Queue, int], running: Mapping[str, int]) -> Mapping[str, JSON]:
    return {str(queue): {"seats": most, "running": running.get(queue, 0)} for queue, most in seats.items()}


def _bus(settings: Settings, clock: SystemClock, supervisor: Supervisor) -> Bus:
    if not settings.redis_url:
        return MemoryBus()
    bus = RedisBus(settings.redis_url, clock)
    bus.install(supervisor)
    return bus


def _shared_tier(settings: Settings, breakers: Breakers, supervisor: Supervisor) -> RedisTier | None:
    if not settings.redis_url:
        return None
    tier = RedisTier(settings.redis_url, breakers.take("redis", failures=2))
    tier.install(supervisor)
    return tier


def _nothing(_args: Mapping[str, JSON], _reason: str) -> None:
    """Give a job up without a word: the next one of its kind does the same work."""


def _messengers(
    settings: Settings, clock: SystemClock, breakers: Breakers
) -> tuple[LocalOutbox | None, Mapping[Channel, MessageSender]]:
    """Return the outbox (none where messages really leave) and who sends over each channel."""
    if not settings.brevo_api_key:
        outbox = LocalOutbox(settings.data_dir / "outbox.jsonl", clock)
        return outbox, {channel: OutboxSender(outbox, channel) for channel in PROVIDED}
    client = BrevoClient(settings.brevo_api_key, settings.brevo_api_url, settings.brevo_timeout_seconds)
    sender_name = settings.sender_name or settings.product_name
    for_email, for_sms = (
        breakers.take(f"brevo-{channel}", open_seconds=settings.breaker_open_seconds) for channel in PROVIDED
    )
    email = BrevoEmail(client, for_email, settings.sender_email, sender_name)
    sms = BrevoSms(client, for_sms, settings.sms_sender)
    breakers.probe(for_email.name, email.check)
    breakers.probe(for_sms.name, sms.check)
    return None, {Channel.EMAIL: email, Channel.SMS: sms}


def _files(settings: Settings, clock: SystemClock, breakers: Breakers) -> tuple[FileStore, LocalFiles | None]:
    """Return where files lie, and that same place where it is this machine."""
    if not settings.s3_bucket:
        local = LocalFiles(settings.data_dir / "files", settings.link_base, settings.token_key, clock)
        return local, local
    client = s3_client(
        settings.aws_region,
        settings.s3_endpoint_url,
        settings.aws_access_key_id,
        settings.aws_secret_access_key,
    )
    breaker = breakers.take("s3", open_seconds=settings.breaker_open_seconds)
    files = S3Files(client, settings.s3_bucket, breaker, clock)
    breakers.probe(breaker.name, files.check)
    return files, None


def _pacer(settings: Settings, store: Store, clock: SystemClock) -> Pacer:
    """Return who counts calls to providers over all processes: Redis, MongoDB where there is none."""
    durable = MongoPacer(store)
    return RedisPacer(redis_client(settings.redis_url), durable, clock) if settings.redis_url else durable
