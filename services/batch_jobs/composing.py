"""From a delivery and its text to the message that leaves, or the reason why it does not."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.batch_jobs.documents import Delivery
from services.notifications.acceptance import refusal
from services.notifications.rendering import BadTemplate, Rendered
from services.notifications.templates import TemplateSource
from services.ports import Message, SendUnit


class Composer(Protocol):
    """Makes the message of a delivery: the same bytes every time it is asked."""

    def compose(self, delivery: Delivery, source: TemplateSource) -> Message:
        """Return the rendered message."""

    def renew(self, deliveries: Sequence[Delivery]) -> Mapping[str, str]:
        """Let what these messages carry hold from now for as long as it would if they were new.

        Returns why, by delivery, for those that carry what has ended for good: nobody could use it.
        """


class MessagesRefused(Exception):
    """Some messages of a unit may not leave as they are. ``reasons``: why, by delivery."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(f"{len(reasons)} messages may not leave")
        self.reasons = reasons


class Pinned:
    """A composer with the template text that one job pinned."""

    def __init__(self, composer: Composer, source: TemplateSource) -> None:
        self._composer, self._source = composer, source

    def unit(self, deliveries: Sequence[Delivery]) -> SendUnit:
        """Return the send unit of these deliveries; raise MessagesRefused if any of them may not leave."""
        messages, reasons = [], {}
        for delivery in deliveries:
            made = self._made(delivery)
            if isinstance(made, str):
                reasons[delivery.id] = made
            else:
                messages.append(made)
        if reasons:
            raise MessagesRefused(reasons)
        first = deliveries[0]
        return SendUnit(first.unit, first.channel, tuple(messages), tag=first.job_id)

    def _made(self, delivery: Delivery) -> Message | str:
        """Return the message, or why there is none that may leave."""
        try:
            message = self._composer.compose(delivery, self._source)
        except BadTemplate as fault:
            return f"its text cannot be filled in: {fault}"
        return refusal(self._source, message) or message


def message_of(delivery: Delivery, source: TemplateSource, shown: Rendered) -> Message:
    """Return a rendered text as the message of a delivery."""
    return Message(
        delivery.id,
        delivery.channel,
        delivery.to or "",
        delivery.name,
        shown.subject,
        shown.text,
        shown.html,
        source.dlt_entity_id,
        source.dlt_template_id,
    )
