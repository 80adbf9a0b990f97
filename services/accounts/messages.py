"""The messages that carry one-time links: how they are ordered, and how each is made when it is sent."""

from collections.abc import Mapping, Sequence
from typing import Final

from config.constants import ACTIVATION_HOURS, RESET_MINUTES
from services.accounts.access_repository import SUPERSEDED
from services.accounts.documents import LinkPurpose, User
from services.accounts.links import OneTimeLinks
from services.batch_jobs.composing import message_of
from services.batch_jobs.documents import BatchJob, Delivery, JobType, Recipient
from services.batch_jobs.service import BatchJobService
from services.notifications.rendering import Renderer
from services.notifications.templates import CREDENTIALS, RESET_PASSWORD, TemplateSource
from services.ports import Channel, Message

TEMPLATES: Final = {LinkPurpose.ACTIVATE: CREDENTIALS, LinkPurpose.RESET: RESET_PASSWORD}
PARAMS: Final = {
    LinkPurpose.ACTIVATE: {"valid_hours": str(ACTIVATION_HOURS)},
    LinkPurpose.RESET: {"valid_minutes": str(RESET_MINUTES)},
}


class CredentialComposer:
    """Makes the message of a delivery, the same bytes every time: the link is derived from its nonce.

    ``params`` of the delivery: ``username``, and ``purpose`` (``activate`` where it is not given).
    """

    def __init__(self, links: OneTimeLinks, renderer: Renderer) -> None:
        self._links, self._renderer = links, renderer

    def compose(self, delivery: Delivery, source: TemplateSource) -> Message:
        """Return the rendered message."""
        purpose = _purpose(delivery)
        params: Mapping[str, str] = {
            "name": delivery.name,
            "username": delivery.params["username"],
            "link": self._links.url(purpose, delivery.recipient_id, delivery.nonce),
            **PARAMS[purpose],
        }
        return message_of(delivery, source, self._renderer.render_source(source, params))

    def renew(self, deliveries: Sequence[Delivery]) -> Mapping[str, str]:
        """Let the links hold anew; return why, by delivery, where one was used, replaced or ended."""
        reasons: dict[str, str] = {}
        for purpose in LinkPurpose:
            theirs = {one.id: (one.recipient_id, one.nonce) for one in deliveries if _purpose(one) is purpose}
            ended = self._links.renew(purpose, list(theirs.values()))
            reasons |= {key: _reason(ended[link]) for key, link in theirs.items() if link in ended}
        return reasons


def _purpose(delivery: Delivery) -> LinkPurpose:
    return LinkPurpose(delivery.params.get("purpose", LinkPurpose.ACTIVATE))


def _reason(why: str) -> str:
    return "a newer link was sent" if why == SUPERSEDED else f"its link has ended: {why}"


class CredentialMail:
    """Sends people their one-time links. Call it in the transaction that makes them necessary."""

    def __init__(self, links: OneTimeLinks, batch_jobs: BatchJobService) -> None:
        self._links, self._batch_jobs = links, batch_jobs

    def send(
        self,
        purpose: LinkPurpose,
        users: Sequence[User],
        *,
        campus_id: str | None,
        actor_id: str,
        texts_of: str | None = None,
    ) -> BatchJob:
        """Issue a new link for each person and open the job that sends it wherever they can be reached.

        ``texts_of``: the campus whose texts it has, where the job itself is nobody's on that campus.
        """
        nonces = self._links.issue_many(purpose, [(user.id, user.campus_id) for user in users])
        job = self._batch_jobs.open(
            JobType.CREDENTIALS,
            [channel for channel in Channel if any(addresses(user).get(channel) for user in users)],
            campus_id=campus_id,
            course_ids=(),
            actor_id=actor_id,
            template=TEMPLATES[purpose],
            texts_of=texts_of,
        )
        self._batch_jobs.add(job, [_recipient(user, purpose, nonces[user.id]) for user in users])
        self._batch_jobs.close(job)
        return job


def addresses(user: User) -> dict[Channel, str | None]:
    """Return where a person can be reached."""
    return {Channel.EMAIL: user.email, Channel.SMS: user.mobile_number}


def _recipient(user: User, purpose: LinkPurpose, nonce: str) -> Recipient:
    params = {"username": user.username, "purpose": str(purpose)}
    return Recipient(user.id, user.name, addresses(user), nonce, params)
