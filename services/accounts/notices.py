"""Telling people what happened to their account: a login on a new device, a token that came back."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from config.permissions import Role
from services.accounts.documents import User, UserStatus
from services.accounts.known_devices import Caller
from services.accounts.names import LOGIN
from services.accounts.repository import UserRepository
from services.accounts.rights import SELF_SERVICE
from services.accounts.throttle import LoginThrottle
from services.audit.service import AuditService
from services.batch_jobs.composing import message_of
from services.batch_jobs.documents import Delivery, JobType, Recipient
from services.batch_jobs.service import BatchJobService
from services.idempotency.service import IdempotencyService, SavedReply
from services.notifications.inbox import inbox_address
from services.notifications.rendering import Renderer
from services.notifications.templates import NEW_DEVICE, TOKEN_REUSED, TemplateSource
from services.notifications.texts import MessageTexts
from services.ports import (
    JSON,
    Accepted,
    Channel,
    Done,
    JobEngine,
    JobResult,
    Later,
    Lease,
    Message,
    MessageSender,
    Queue,
    SendUnit,
)
from utils.clock import Clock
from utils.documents import new_id

NOTICE_JOB: Final = "accounts.notice"
AGAIN_SECONDS: Final = 5.0
WHEN: Final = "%-d %B %Y, %H:%M UTC"
TOLD, HELD_BACK = SavedReply(204, b"", None), SavedReply(429, b"", None)


class Notice(StrEnum):
    """What people are told of; the value is what the audit log calls it."""

    NEW_DEVICE = "login.new_device"
    TOKEN_REUSED = "session.token_reused"  # noqa: S105 -- the name of an event


TEMPLATES: Final = {Notice.NEW_DEVICE: NEW_DEVICE, Notice.TOKEN_REUSED: TOKEN_REUSED}


class NoticeComposer:
    """Makes the mail of a notice: whatever it says was written down when it happened."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def compose(self, delivery: Delivery, source: TemplateSource) -> Message:
        """Return the rendered message."""
        params = {"name": delivery.name, **delivery.params}
        return message_of(delivery, source, self._renderer.render_source(source, params))

    def renew(self, deliveries: Sequence[Delivery]) -> Mapping[str, str]:  # noqa: ARG002 -- nothing to do
        """Change nothing: a notice carries nothing that ends."""
        return {}


@dataclass(frozen=True, slots=True)
class Ways:
    """How a notice reaches people."""

    batch_jobs: BatchJobService
    inbox: MessageSender
    texts: MessageTexts
    renderer: Renderer
    once: IdempotencyService


class AccountNotices:
    """Records what happened, and tells the owner in the background: in the inbox, and staff by email too.

    So a class that logs in on the machines of an exam room is told without a mail or a batch job each.
    """

    def __init__(
        self,
        users: UserRepository,
        throttle: LoginThrottle,
        ways: Ways,
        engine: JobEngine,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._users, self._throttle, self._ways = users, throttle, ways
        self._engine, self._audit, self._clock = engine, audit, clock

    def tell(self, notice: Notice, user: User, target: str, caller: Caller) -> None:
        """Record it and have its owner told; call it in the transaction in which it happens."""
        self._audit.record(
            notice, actor_id=user.id, campus_id=user.campus_id, target=target, device=caller.device
        )
        when = self._clock.now().strftime(WHEN)
        args = {"notice": str(notice), "user_id": user.id, "when": when, "device": caller.device}
        self._engine.submit_many(NOTICE_JOB, [(new_id(), args)], queue=Queue.MESSAGES)

    def run(self, lease: Lease) -> JobResult:
        """Tell the owner, unless they were told too often of late; twice begun by a crash, told once."""
        user = self._users.find(LOGIN, str(lease.args["user_id"]))
        if user is None or user.status is not UserStatus.ACTIVE:
            return Done()
        notice = Notice(str(lease.args["notice"]))
        params = {
            "username": user.username,
            "when": str(lease.args["when"]),
            "device": str(lease.args["device"]),
        }
        fate = self._ways.once.once(
            SELF_SERVICE, NOTICE_JOB, lease.job_id, "", lambda: self._mail(notice, user, params)
        )
        if fate.status != TOLD.status or self._put(notice, user, params, lease.job_id):
            return Done()
        return Later(AGAIN_SECONDS)

    def dead(self, args: Mapping[str, JSON], reason: str) -> None:
        """Do nothing: it is in the audit log."""

    def _mail(self, notice: Notice, user: User, params: Mapping[str, str]) -> SavedReply:
        """Decide whether this is told at all, and open the job that mails it to somebody of the staff."""
        if not self._throttle.admits_notice(f"{notice}:{user.id}"):
            return HELD_BACK
        if user.role is Role.STUDENT or not user.email:
            return TOLD
        jobs = self._ways.batch_jobs
        job = jobs.open(
            JobType.NOTICE,
            [Channel.EMAIL],
            campus_id=None,
            course_ids=(),
            actor_id=SELF_SERVICE,
            template=TEMPLATES[notice],
            texts_of=user.campus_id,
        )
        to = {Channel.EMAIL: user.email}
        jobs.add(job, [Recipient(user.id, user.name, to, params=dict(params))])
        jobs.close(job)
        return TOLD

    def _put(self, notice: Notice, user: User, params: Mapping[str, str], job_id: str) -> bool:
        """Put it into the inbox, once however often it is put; tell whether it is there."""
        source = self._ways.texts.source(TEMPLATES[notice], Channel.INBOX, user.campus_id)
        shown = self._ways.renderer.render_source(source, {"name": user.name, **params})
        to = inbox_address(user.id, user.campus_id)
        message = Message(job_id, Channel.INBOX, to, user.name, shown.subject, shown.text)
        unit = SendUnit(str(uuid.uuid4()), Channel.INBOX, (message,))
        return isinstance(self._ways.inbox.send(unit), Accepted)
