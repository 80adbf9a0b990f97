"""What a server process does by itself: which jobs it runs, how many at once, and its loops."""

from collections.abc import Mapping
from typing import Final

from assembly.areas import Areas
from assembly.base import Base
from assembly.outside import Outside
from config.settings import Settings
from routes.live import LiveSockets
from services.accounts.forgotten import FORGOTTEN_JOB
from services.accounts.notices import NOTICE_JOB
from services.assessments.reminding import REMIND_SECONDS
from services.assessments.telling import TELL_JOB
from services.attempts.closing import SWEEP_SECONDS
from services.audit.sealing import SEAL_SECONDS
from services.batch_jobs.composing import Composer
from services.batch_jobs.documents import JobType
from services.batch_jobs.precautions import Precautions
from services.batch_jobs.retention import ORDER_SECONDS, RETENTION_JOB
from services.batch_jobs.retrying import RETRY_JOB
from services.batch_jobs.service import FINISH_JOB, SEND_JOB
from services.breakers.probing import BreakerProbing
from services.exam_room.orders import ORDER_JOB
from services.exam_room.progress import EXAM_ROOM
from services.exam_room.retiming import RETIME_JOB
from services.files.checking import SWEEP_JOB
from services.files.service import CHECK_JOB
from services.imports.service import APPLY_JOB, PREVIEW_JOB
from services.imports.undo import UNDO_JOB
from services.jobs.engine import DurableEngine
from services.ports import JSON, Queue
from services.processes.heartbeat import Heartbeat
from services.results.service import MARK_JOB
from services.students.credentials import FILL_JOB
from utils.own_process import cpu_cores, memory_figures

IMPORT_SEATS: Final = 2
FILE_SEATS: Final = 2
MARKING_SEATS: Final = 1  # a program may take a core
EXAM_SEATS: Final = 2
MESSAGE_SEATS: Final = 2  # what only prepares messages, or ends a job
# of each channel; a provider is waited for, the outbox costs our own time
PROVIDER_SEATS, OUTBOX_SEATS = 8, 2


def handle_jobs(engine: DurableEngine, areas: Areas, settings: Settings) -> None:
    """Say who runs each kind of durable job, and who buries it."""
    jobs, people, students = areas.jobs, areas.people, areas.students
    rosters, checking = areas.rosters.jobs, areas.files.checking
    composers: dict[JobType, Composer] = {
        JobType.CREDENTIALS: people.composer,
        JobType.NOTICE: people.notice_composer,
        JobType.TEMPLATE_TEST: people.trial_composer,
        **areas.assessments.composers,
    }
    precautions = Precautions(
        jobs.stored.deliveries, areas.messages.suppressions, settings.sms_settle_minutes * 60
    )
    sending = jobs.sending(composers, people.rights, precautions, areas.flow.gate)
    engine.handle(SEND_JOB, sending.run, sending.dead)
    engine.handle(FINISH_JOB, sending.finish, _nothing)
    engine.handle(RETRY_JOB, jobs.retrying.run, jobs.retrying.dead)
    engine.handle(RETENTION_JOB, jobs.retention.run, _nothing)
    engine.handle(FORGOTTEN_JOB, people.forgotten.run, people.forgotten.dead)
    engine.handle(NOTICE_JOB, people.notices.run, people.notices.dead)
    engine.handle(FILL_JOB, students.credentials.fill, students.credentials.dead)
    engine.handle(TELL_JOB, areas.assessments.messages.fill, areas.assessments.messages.dead)
    engine.handle(PREVIEW_JOB, rosters.preview, rosters.dead)
    engine.handle(APPLY_JOB, rosters.apply, rosters.dead)
    engine.handle(UNDO_JOB, rosters.undo, rosters.undo_dead)
    engine.handle(CHECK_JOB, checking.check, checking.dead)
    engine.handle(SWEEP_JOB, checking.sweep, _nothing)
    engine.handle(MARK_JOB, areas.results.marking.run, areas.results.marking.dead)
    carrying = areas.exam_room.carrying
    engine.handle(ORDER_JOB, carrying.run, carrying.dead)
    engine.handle(RETIME_JOB, carrying.retime, carrying.dead)


def seats(outside: Outside, role: str) -> Mapping[Queue, int]:
    """Return how many jobs of each queue this process runs at once: none where it only serves the web."""
    if role == "web":
        return {}
    sending = PROVIDER_SEATS if outside.outbox is None else OUTBOX_SEATS
    return {
        Queue.IMPORTS: IMPORT_SEATS,
        Queue.MESSAGES: MESSAGE_SEATS,
        Queue.EMAIL: sending,
        Queue.SMS: sending,
        Queue.INBOX: MESSAGE_SEATS,
        Queue.FILES: FILE_SEATS,
        Queue.MARKING: MARKING_SEATS,
        Queue.EXAMS: EXAM_SEATS,
    }


def run_loops(base: Base, areas: Areas, sockets: LiveSockets) -> None:
    """Declare the loops of a process besides those of its engine."""
    jobs, supervisor = areas.jobs, base.supervisor
    areas.fresh.versions.install(supervisor)
    supervisor.add("seal-audit", SEAL_SECONDS, base.audits.sealer.tick)
    supervisor.add("remind", REMIND_SECONDS, areas.assessments.reminders.tick)
    supervisor.add("sweep-attempts", SWEEP_SECONDS, areas.attempts.closing.tick)
    supervisor.add("announce-jobs", 0.2, jobs.announcer.tick)
    supervisor.add("order-retention", ORDER_SECONDS, jobs.retention.order)
    supervisor.add("announce-imports", 0.2, areas.rosters.announcer.tick)
    announcer = areas.exam_room.announcer
    supervisor.add("announce-exams", 0.5, lambda: announcer.look(sockets.watched(EXAM_ROOM)))
    supervisor.add("watch-channels", 1.0, areas.flow.channels.tick)
    supervisor.add("match-events", 5.0, areas.events.try_again)
    supervisor.add("drop-stale-sockets", 0.6, sockets.drop_stale)
    probing = BreakerProbing(base.breakers, base.processor, base.clock)
    supervisor.add("probe-breakers", 1.0, probing.tick)
    supervisor.add("order-file-sweep", 600.0, areas.files.sweep.tick)


def heartbeat(
    base: Base,
    areas: Areas,
    version: str,
    engine: DurableEngine,
    sockets: LiveSockets,
    most: Mapping[Queue, int],
) -> Heartbeat:
    """Return what tells everybody that this process lives, and how it does."""
    beat = Heartbeat(
        areas.processes, base.settings.web_role, version, lambda: base.monitor.suspect("mongodb")
    )
    beat.show("loops", base.supervisor.figures)
    beat.show("queues", lambda: _queues(most, engine.stats(), engine.oldest()))
    beat.show("sockets", lambda: len(sockets))
    beat.show("memory", memory_figures)
    beat.show("cpu", cpu_cores)
    beat.show("cache", areas.fresh.cache.figures)
    beat.show("mongodb", base.watch.figures)
    areas.breakers.install(beat)
    beat.install(base.supervisor)
    return beat


def _queues(
    most: Mapping[Queue, int], running: Mapping[str, int], oldest: Mapping[str, float]
) -> Mapping[str, JSON]:
    return {
        str(queue): {
            "seats": seats,
            "running": running.get(queue, 0),
            "oldest_s": round(oldest.get(queue, 0.0), 1),
        }
        for queue, seats in most.items()
    }


def _nothing(_args: Mapping[str, JSON], _reason: str) -> None:
    """Give a job up without a word: the next one of its kind does the same work."""
