"""Messages, their texts and the inbox put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config.settings import Settings
from services.audit.service import AuditService
from services.notifications.editing import TemplateEditing
from services.notifications.inbox import InboxSender, InboxService
from services.notifications.inbox_repository import InboxRepository
from services.notifications.rendering import Renderer
from services.notifications.repository import TemplateRepository
from services.notifications.service import TemplateService
from services.notifications.suppression import SuppressionService
from services.notifications.suppression_repository import SuppressionRepository
from services.notifications.texts import MessageTexts
from services.ports import Channel, MessageSender, OrganisationLookup, ProgressFeed
from utils.clock import Clock
from utils.store import Store


@dataclass(frozen=True, slots=True)
class NotificationArea:
    """What the rest may use of messages. ``senders`` are those from outside, and the inbox."""

    renderer: Renderer
    texts: MessageTexts
    senders: Mapping[Channel, MessageSender]
    inbox: InboxService
    suppressions: SuppressionService
    templates: TemplateService
    editing: TemplateEditing

    @classmethod
    def over(
        cls,
        settings: Settings,
        store: Store,
        clock: Clock,
        audit: AuditService,
        feed: ProgressFeed,
        messengers: Mapping[Channel, MessageSender],
        places: OrganisationLookup,
        shipped: Path,
    ) -> Self:
        """Return the area on one database; ``shipped`` is the folder of the texts that come with it."""
        edited, inbox = TemplateRepository(store), InboxRepository(store)
        renderer = Renderer(shipped, settings.product_name)
        texts = MessageTexts(renderer, edited, dlt_required=settings.sms_dlt_required)
        templates = TemplateService(texts, edited, renderer, places, settings.link_base)
        return cls(
            renderer=renderer,
            texts=texts,
            senders={**messengers, Channel.INBOX: InboxSender(inbox, feed, clock)},
            inbox=InboxService(inbox),
            suppressions=SuppressionService(SuppressionRepository(store), audit, store),
            templates=templates,
            editing=TemplateEditing(templates, texts, edited, store, audit, clock),
        )
