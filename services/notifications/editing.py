"""Changing message templates: a new version, or back to an older one. What a job has pinned stays."""

from typing import Any

from models import Actor
from services.audit.service import AuditService
from services.notifications.documents import (
    MessageTemplate,
    MessageTemplateVersion,
    template_id,
    version_id,
)
from services.notifications.repository import TemplateRepository
from services.notifications.schemas import OfPlace, Revert, TemplateOut
from services.notifications.service import TemplateService
from services.notifications.texts import EDITABLE, MessageTexts, texts_scope
from services.ports import Channel
from utils.clock import Clock
from utils.problems import Conflict, Invalid, Stale
from utils.store import Store


class NothingToRevert(Conflict):
    """This place has no text of its own for this message, so there is none to take back. What holds is the
    platform's, or the one that ships with the server."""

    title = "There is no text of its own here"


class TemplateEditing:
    """Keeps versions and says which one holds: a conditional update, in the transaction of its audit row."""

    def __init__(
        self,
        shown: TemplateService,
        texts: MessageTexts,
        templates: TemplateRepository,
        store: Store,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._shown, self._texts, self._templates = shown, texts, templates
        self._store, self._audit, self._clock = store, audit, clock

    def change(
        self, channel: Channel, name: str, wanted: OfPlace, revision: int | None, actor: Actor
    ) -> TemplateOut:
        """Keep a new version and let it hold; the same texts again change nothing."""
        campus_id = self._shown.place(wanted.campus_id, actor)
        self._shown.declared(name, channel)
        source = self._texts.with_texts(self._texts.shipped(name, channel), wanted.model_dump())
        self._shown.accept(channel, name, source)
        texts = {field: getattr(source, field) for field in EDITABLE}

        def work() -> None:
            head = self._head(campus_id, channel, name, revision)
            current = self._texts.version(head, head.current) if head.current else None
            if current is not None and all(getattr(current, field) == texts[field] for field in EDITABLE):
                return
            number = head.latest + 1
            self._move(head, actor, "template.changed", current=number, latest=number)
            version = MessageTemplateVersion(
                id=version_id(head.id, number),
                campus_id=campus_id,
                channel=channel,
                template=name,
                number=number,
                created_by=actor.id,
                created_at=self._clock.now(),
                **texts,
            )
            self._templates.add_version(texts_scope(campus_id), version)

        self._store.atomically(work)
        return self._shown.show(channel, name, campus_id)

    def revert(
        self, channel: Channel, name: str, wanted: Revert, revision: int | None, actor: Actor
    ) -> TemplateOut:
        """Let an older version hold again, or with version 0 none of this place's own."""
        campus_id = self._shown.place(wanted.campus_id, actor)
        self._shown.declared(name, channel)

        def work() -> None:
            head = self._head(campus_id, channel, name, revision)
            if not head.latest or (wanted.version is None and not head.current):
                raise NothingToRevert()
            number = head.current - 1 if wanted.version is None else wanted.version
            if number == head.current:
                return
            if number:
                self._accept(head, number)
            self._move(head, actor, "template.reverted", current=number)

        self._store.atomically(work)
        return self._shown.show(channel, name, campus_id)

    def _accept(self, head: MessageTemplate, number: int) -> None:
        """Look at an older version again: what it may name can have changed since."""
        version = self._texts.version(head, number)
        if version is None:
            raise Invalid.field("version", f"must be one of this text's, 1 to {head.latest}, or 0 for none")
        source = self._texts.made_of(head.template, head.channel, version)
        self._shown.accept(head.channel, head.template, source)

    def _head(
        self, campus_id: str | None, channel: Channel, name: str, revision: int | None
    ) -> MessageTemplate:
        """Return what is known of a place's own text; raise Stale if that is not ``revision`` (None: any)."""
        head = self._texts.head(campus_id, channel, name) or MessageTemplate(
            id=template_id(campus_id, channel, name),
            campus_id=campus_id,
            channel=channel,
            template=name,
            updated_at=self._clock.now(),
        )
        if revision not in (None, head.revision):
            raise Stale()
        return head

    def _move(self, head: MessageTemplate, actor: Actor, action: str, **fields: Any) -> None:
        made = {"revision": head.revision + 1, "updated_by": actor.id, "updated_at": self._clock.now()}
        moved = head.model_copy(update=made | fields)
        if not self._templates.put_head(texts_scope(head.campus_id), moved):
            raise Stale()
        self._audit.record(
            action,
            actor_id=actor.id,
            campus_id=head.campus_id,
            target=f"template:{head.id}",
            version=moved.current,
            before=head.current,
        )
