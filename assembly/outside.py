"""What reaches outside of a server process, or stands in for it on one machine, as the settings say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from flask_socketio import SocketIO

from assembly.base import Base
from integrations.brevo import BrevoEmail, BrevoSms
from integrations.brevo_client import BrevoClient
from integrations.dramatiq_engine import Bells, DramatiqEngine
from integrations.embedded_runner import EmbeddedRunner
from integrations.local_files import LocalFiles
from integrations.no_marker import NoMarker
from integrations.no_runner import NoRunner
from integrations.outbox import LocalOutbox, OutboxSender
from integrations.redis_cache import RedisTier
from integrations.redis_live import redis_client
from integrations.redis_pacer import RedisPacer
from integrations.s3_files import S3Files, s3_client
from integrations.socketio_feed import SocketIOFeed
from integrations.threads_engine import ThreadsEngine
from services.batch_jobs.pace_repository import MongoPacer
from services.batch_jobs.pacing import Pacer
from services.jobs.engine import DurableEngine
from services.jobs.repository import JobRepository
from services.ports import Channel, FileStore, MessageSender
from services.results.providers import CodeRunner, MarkingProvider

BELLS_AWAY_SECONDS: Final = 2.0
PROVIDED: Final = (Channel.EMAIL, Channel.SMS)  # what others carry for us


@dataclass(frozen=True, slots=True)
class Outside:
    """The adapters. ``outbox`` is none where messages really leave, ``local_files`` where a bucket is."""

    engine: DurableEngine
    feed: SocketIOFeed
    outbox: LocalOutbox | None
    messengers: Mapping[Channel, MessageSender]
    contents: FileStore
    local_files: LocalFiles | None
    pacer: Pacer
    shared_tier: RedisTier | None
    runner: CodeRunner
    marker: MarkingProvider

    @classmethod
    def over(cls, base: Base, socketio: SocketIO) -> Self:
        """Return the adapters that the settings ask for."""
        outbox, messengers = _messengers(base)
        contents, local_files = _files(base)
        return cls(
            engine=_engine(base),
            feed=SocketIOFeed(socketio),
            outbox=outbox,
            messengers=messengers,
            contents=contents,
            local_files=local_files,
            pacer=_pacer(base),
            shared_tier=_shared_tier(base),
            runner=_runner(base),
            marker=NoMarker(),
        )


def _engine(base: Base) -> DurableEngine:
    settings = base.settings
    jobs, lease = JobRepository(base.store), settings.lease_seconds
    if settings.job_engine == "threads":
        return ThreadsEngine(jobs, base.store, base.processor, base.clock, lease)
    breaker = base.breakers.take(
        "redis-bells", failures=1, open_seconds=BELLS_AWAY_SECONDS, successes_to_close=1
    )
    bells = Bells(settings.redis_url, f"versant:{base.store.name}", breaker)
    return DramatiqEngine(jobs, base.store, base.processor, base.clock, lease, bells)


def _messengers(base: Base) -> tuple[LocalOutbox | None, Mapping[Channel, MessageSender]]:
    """Return the outbox (none where messages really leave) and who sends over each channel."""
    settings, breakers = base.settings, base.breakers
    if not settings.brevo_api_key:
        outbox = LocalOutbox(settings.data_dir / "outbox.jsonl", base.clock)
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


def _files(base: Base) -> tuple[FileStore, LocalFiles | None]:
    """Return where files lie, and that same place where it is this machine."""
    settings = base.settings
    if not settings.s3_bucket:
        local = LocalFiles(settings.data_dir / "files", settings.link_base, settings.token_key, base.clock)
        return local, local
    client = s3_client(
        settings.aws_region,
        settings.s3_endpoint_url,
        settings.aws_access_key_id,
        settings.aws_secret_access_key,
    )
    breaker = base.breakers.take("s3", open_seconds=settings.breaker_open_seconds)
    files = S3Files(client, settings.s3_bucket, breaker, base.clock)
    base.breakers.probe(breaker.name, files.check)
    return files, None


def _pacer(base: Base) -> Pacer:
    """Return who counts calls to providers over all processes: Redis, MongoDB where there is none."""
    durable, url = MongoPacer(base.store), base.settings.redis_url
    return RedisPacer(redis_client(url), durable, base.clock) if url else durable


def _runner(base: Base) -> CodeRunner:
    settings = base.settings
    return EmbeddedRunner(settings.code_memory_mb) if settings.code_runner == "embedded" else NoRunner()


def _shared_tier(base: Base) -> RedisTier | None:
    if not base.settings.redis_url:
        return None
    tier = RedisTier(base.settings.redis_url, base.breakers.take("redis", failures=2))
    tier.install(base.supervisor)
    return tier
