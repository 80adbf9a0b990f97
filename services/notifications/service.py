"""Message templates as admins see them: what holds, where it comes from, and how it would look."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from models import Actor
from services.notifications.acceptance import oversized, refuse, unreadable
from services.notifications.catalogue import CATALOGUE, Declared, Placeholder
from services.notifications.documents import MessageTemplateVersion
from services.notifications.rendering import Rendered, Renderer
from services.notifications.repository import TemplateRepository
from services.notifications.schemas import (
    FindingOut,
    OfPlace,
    Origin,
    PlaceholderOut,
    PreviewOut,
    SmsLength,
    TemplateOut,
    TemplateQuery,
    TemplateSummary,
    VersionOut,
    VersionQuery,
    VersionTextsOut,
)
from services.notifications.sms import sms_segments
from services.notifications.templates import TemplateSource
from services.notifications.texts import Held, MessageTexts, texts_scope
from services.ports import Channel, OrganisationLookup
from utils.paging import Keyset, PageOf
from utils.problems import Invalid, NotFound

PRODUCT_NAME: Final = "product_name"


class TemplateNotFound(NotFound):
    """There is no message of this name for this channel, or no such version of it at this place."""

    title = "No such message template"


class TemplateService:
    """Shows templates and previews texts. Sends nothing and changes nothing."""

    def __init__(
        self,
        texts: MessageTexts,
        templates: TemplateRepository,
        renderer: Renderer,
        places: OrganisationLookup,
        link_base: str,
    ) -> None:
        self._texts, self._templates, self._renderer = texts, templates, renderer
        self._places, self._link_base = places, link_base

    def list_templates(self, channel: Channel, query: TemplateQuery, actor: Actor) -> PageOf[TemplateSummary]:
        """Return every template of a channel, with where its present text comes from."""
        campus_id = self.place(query.campus_id, actor)
        names = [name for name in CATALOGUE if channel in self._renderer.channels(name)]
        held = self._texts.held_all(names, channel, campus_id)
        items = [self._summary(name, channel, held[name]) for name in names]
        return PageOf(items=items, next_cursor=None)

    def get(self, channel: Channel, name: str, query: TemplateQuery, actor: Actor) -> TemplateOut:
        """Return the text that holds at a place."""
        return self.show(channel, name, self.place(query.campus_id, actor))

    def show(self, channel: Channel, name: str, campus_id: str | None) -> TemplateOut:
        """Return the text that holds at a place; whoever asks may see it."""
        declared = self.declared(name, channel)
        held, head = self._texts.held(name, channel, campus_id), self._texts.head(campus_id, channel, name)
        outdated = unreadable(held.source, channel, declared)
        shown = None if outdated else self._renderer.render_source(held.source, self.samples(declared))
        return TemplateOut(
            **self._summary(name, channel, held).model_dump(),
            **{field: value for field, value in asdict(held.source).items() if field != PRODUCT_NAME},
            revision=head.revision if head else 0,
            sms=_length(channel, shown) if shown else None,
            changed_by=held.version.created_by if held.version else None,
            changed_at=held.version.created_at if held.version else None,
        )

    def list_versions(
        self, channel: Channel, name: str, query: VersionQuery, actor: Actor
    ) -> PageOf[VersionOut]:
        """Return a page of the versions of a place's own text, newest first."""
        self.declared(name, channel)
        campus_id = self.place(query.campus_id, actor)
        head = self._texts.head(campus_id, channel, name)
        current = head.current if head else 0
        keyset = Keyset.of(query, {"version": "_id"}, "-version")
        rows = self._templates.list_versions(texts_scope(campus_id), campus_id, channel, name, keyset)
        return keyset.page(
            rows, lambda row: VersionOut.of(MessageTemplateVersion.from_mongo({**LONG, **row}), current)
        )

    def get_version(
        self, channel: Channel, name: str, number: int, query: TemplateQuery, actor: Actor
    ) -> VersionTextsOut:
        """Return a version of a place's own text, with its texts."""
        self.declared(name, channel)
        head = self._texts.head(self.place(query.campus_id, actor), channel, name)
        version = self._texts.version(head, number) if head else None
        if head is None or version is None:
            raise TemplateNotFound()
        return VersionTextsOut.of(version, head.current)

    def preview(
        self, channel: Channel, name: str, draft: OfPlace, params: Mapping[str, str], actor: Actor
    ) -> PreviewOut:
        """Return how a text would look; raise TextNotAccepted for one that cannot be rendered."""
        declared = self.declared(name, channel)
        if unknown := sorted(params.keys() - declared.named().keys()):
            said = f"is no placeholder of this template; these are {', '.join(declared.named())}"
            raise Invalid(errors=[{"pointer": f"/params/{one}", "detail": said} for one in unknown])
        source = self.draft(channel, name, draft, actor)
        shown = self._renderer.render_source(source, self.samples(declared) | dict(params))
        findings = [one.shown() for one in oversized(source, channel, shown)]
        return PreviewOut(
            subject=shown.subject,
            text=shown.text,
            html=shown.html,
            sms=_length(channel, shown),
            findings=[FindingOut(pointer=one["pointer"], detail=one["detail"]) for one in findings],
        )

    def draft(self, channel: Channel, name: str, draft: OfPlace, actor: Actor) -> TemplateSource:
        """Return the text that holds with what is tried of it; raise TextNotAccepted if it is unreadable."""
        declared = self.declared(name, channel)
        held = self._texts.source(name, channel, self.place(draft.campus_id, actor))
        source = self._texts.with_texts(held, draft.model_dump())
        refuse(unreadable(source, channel, declared))
        return source

    def accept(self, channel: Channel, name: str, source: TemplateSource) -> None:
        """Raise TextNotAccepted unless a text can be kept."""
        declared = self.declared(name, channel)
        refuse(unreadable(source, channel, declared))
        refuse(oversized(source, channel, self._renderer.render_source(source, self.samples(declared))))

    def place(self, campus_id: str | None, actor: Actor) -> str | None:
        """Return the campus whose texts are meant, None for the platform's; raise Invalid for another's."""
        own = actor.scope.campus_id
        if campus_id is None:
            return own
        if own not in (None, campus_id) or self._places.campus_name(campus_id) is None:
            raise Invalid.field("campus_id", "is not a campus of yours")
        return campus_id

    def declared(self, name: str, channel: Channel) -> Declared:
        """Return what a template is; raise TemplateNotFound."""
        if name not in CATALOGUE or channel not in self._renderer.channels(name):
            raise TemplateNotFound()
        return CATALOGUE[name]

    def samples(self, declared: Declared) -> dict[str, str]:
        """Return something to stand for each placeholder."""
        return {one.name: self._sample(one) for one in declared.placeholders}

    def _sample(self, placeholder: Placeholder) -> str:
        if placeholder.name == PRODUCT_NAME:
            return self._renderer.product_name
        return f"{self._link_base}{placeholder.sample}" if placeholder.link else placeholder.sample

    def _summary(self, name: str, channel: Channel, held: Held) -> TemplateSummary:
        declared = CATALOGUE[name]
        return TemplateSummary(
            name=name,
            description=declared.description,
            channel=channel,
            origin=_origin(held),
            version=held.version.number if held.version else 0,
            placeholders=[
                PlaceholderOut(
                    name=one.name, meaning=one.meaning, sample=self._sample(one), required=one.required
                )
                for one in declared.placeholders
            ],
        )


LONG: Final = {"text": "", "html": "", "dlt_text": ""}  # what a list leaves unread


def _origin(held: Held) -> Origin:
    if held.version is None:
        return Origin.SHIPPED
    return Origin.CAMPUS if held.version.campus_id else Origin.PLATFORM


def _length(channel: Channel, shown: Rendered) -> SmsLength | None:
    return SmsLength(**asdict(sms_segments(shown.text))) if channel is Channel.SMS else None
