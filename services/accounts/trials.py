"""A template tried out: one true message to whoever asks, at their own address and nobody else's."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from config.constants import TEMPLATE_TESTS_PER_HOUR
from models import Actor
from services.accounts.documents import User
from services.accounts.messages import addresses
from services.accounts.repository import UserRepository
from services.audit.service import AuditService
from services.batch_jobs.composing import message_of
from services.batch_jobs.documents import BatchJob, Delivery, JobType, Recipient
from services.batch_jobs.schemas import BatchJobOut
from services.batch_jobs.service import BatchJobService
from services.notifications.catalogue import CATALOGUE
from services.notifications.rendering import Renderer
from services.notifications.schemas import OfPlace
from services.notifications.service import TemplateService
from services.notifications.templates import TemplateSource
from services.ports import Channel, Message
from utils.clock import Clock
from utils.problems import Conflict, TooMany
from utils.scope import Scope
from utils.store import Store

HOUR: Final = timedelta(hours=1)
TESTED: Final = "template.tested"


class NoAddressOfYours(Conflict):
    """A test goes to your own address only, and you have none for this channel. Add one to your account."""

    title = "You have no address for this channel"


class TooManyTests(TooMany):
    """You have sent as many test messages as an hour allows. A preview costs nothing."""

    title = "Too many test messages"


class TrialComposer:
    """Makes a test message: samples for whatever the recipient does not bring. Its link leads nowhere."""

    def __init__(self, templates: TemplateService, renderer: Renderer) -> None:
        self._templates, self._renderer = templates, renderer

    def compose(self, delivery: Delivery, source: TemplateSource) -> Message:
        """Return the rendered message."""
        declared = CATALOGUE[delivery.params["template"]]
        params: Mapping[str, str] = {
            **self._templates.samples(declared),
            "name": delivery.name,
            "username": delivery.params["username"],
        }
        return message_of(delivery, source, self._renderer.render_source(source, params))

    def renew(self, deliveries: Sequence[Delivery]) -> Mapping[str, str]:  # noqa: ARG002 -- nothing to do
        """Change nothing: a test message carries nothing that ends."""
        return {}


class TemplateTrials:
    """Sends test messages, each through a batch job of one."""

    def __init__(
        self,
        users: UserRepository,
        templates: TemplateService,
        batch_jobs: BatchJobService,
        store: Store,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._users, self._templates, self._batch_jobs = users, templates, batch_jobs
        self._store, self._audit, self._clock = store, audit, clock

    def send(self, channel: Channel, name: str, draft: OfPlace, actor: Actor) -> BatchJobOut:
        """Send the text that holds, or what is being tried of it, to the actor."""
        source = self._templates.draft(channel, name, draft, actor)
        self._templates.accept(channel, name, source)
        user = self._users.find(Scope.own(actor.id, actor.campus_id), actor.id)
        if user is None or not addresses(user)[channel]:
            raise NoAddressOfYours()

        def work() -> BatchJob:
            self._ration(actor)
            job = self._batch_jobs.open(
                JobType.TEMPLATE_TEST,
                [channel],
                campus_id=actor.campus_id,
                course_ids=(),
                actor_id=actor.id,
                template=name,
                sources={channel: source},
            )
            self._batch_jobs.add(job, [_recipient(user, name, channel)])
            self._batch_jobs.close(job)
            target = f"batch_job:{job.id}"
            self._audit.record(
                TESTED,
                actor_id=actor.id,
                campus_id=actor.campus_id,
                target=target,
                template=name,
                channel=channel,
            )
            return job

        return self._batch_jobs.show(self._store.atomically(work))

    def _ration(self, actor: Actor) -> None:
        since, most = self._clock.now() - HOUR, TEMPLATE_TESTS_PER_HOUR
        if self._audit.count_since(TESTED, actor.id, actor.campus_id, since, most) >= most:
            raise TooManyTests(retry_after=HOUR.total_seconds())


def _recipient(user: User, template: str, channel: Channel) -> Recipient:
    to = {channel: addresses(user)[channel]}
    return Recipient(user.id, user.name, to, params={"template": template, "username": user.username})
