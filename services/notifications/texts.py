"""Which text holds where: a campus's own, else the platform's, else the one that ships with the server."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from services.notifications.catalogue import CATALOGUE
from services.notifications.documents import (
    MessageTemplate,
    MessageTemplateVersion,
    template_id,
    version_id,
)
from services.notifications.rendering import Renderer
from services.notifications.repository import TemplateRepository
from services.notifications.syntax import read
from services.notifications.templates import TemplateSource
from services.ports import Channel
from utils.problems import Conflict
from utils.scope import Scope

PLATFORM_TEXTS: Final = Scope.unscoped("message texts of the platform")
EDITABLE: Final = ("subject", "text", "html", "language", "dlt_entity_id", "dlt_template_id", "dlt_text")


class TextIsOutdated(Conflict):
    """The message text that holds here names something that this version of the server does not know. Edit
    the template, or take it back to an earlier version."""

    title = "The message text has to be edited first"


def texts_scope(campus_id: str | None) -> Scope:
    """Return the scope of a campus's texts, or of the platform's."""
    return Scope.campus(campus_id) if campus_id else PLATFORM_TEXTS


@dataclass(frozen=True, slots=True)
class Held:
    """A text that holds, and the version that it comes from; none: it is the shipped one."""

    source: TemplateSource
    version: MessageTemplateVersion | None = None


class MessageTexts:
    """Finds the text of a message."""

    def __init__(self, renderer: Renderer, templates: TemplateRepository, *, dlt_required: bool) -> None:
        self._renderer, self._templates, self._dlt_required = renderer, templates, dlt_required

    def source(self, template: str, channel: Channel, campus_id: str | None) -> TemplateSource:
        """Return the text that a message of this campus has now."""
        return self.held(template, channel, campus_id).source

    def held(self, template: str, channel: Channel, campus_id: str | None) -> Held:
        """Return the text that holds, with where it comes from."""
        return self.held_all([template], channel, campus_id)[template]

    def held_all(
        self, templates: Sequence[str], channel: Channel, campus_id: str | None
    ) -> Mapping[str, Held]:
        """Return the texts that hold, by template."""
        own = self._own(templates, channel, campus_id)
        left = [name for name in templates if name not in own]
        if campus_id and left:
            own = {**own, **self._own(left, channel, None)}
        return {
            name: Held(self.made_of(name, channel, own[name]), own[name])
            if name in own
            else Held(self.shipped(name, channel))
            for name in templates
        }

    def _own(
        self, templates: Sequence[str], channel: Channel, campus_id: str | None
    ) -> Mapping[str, MessageTemplateVersion]:
        """Return the versions that hold of a place's own texts, by template."""
        scope = texts_scope(campus_id)
        ids = [template_id(campus_id, channel, name) for name in templates]
        heads = self._templates.heads(scope, ids).values()
        current = [version_id(head.id, head.current) for head in heads if head.current]
        versions = self._templates.versions(scope, current) if current else {}
        return {version.template: version for version in versions.values()}

    def shipped(self, template: str, channel: Channel) -> TemplateSource:
        """Return the text that ships with the server."""
        return replace(self._renderer.source(template, channel), dlt_required=self._dlt_required)

    def made_of(self, template: str, channel: Channel, version: MessageTemplateVersion) -> TemplateSource:
        """Return the text of a version, to be pinned and rendered."""
        return self.with_texts(self.shipped(template, channel), version.model_dump())

    @staticmethod
    def with_texts(source: TemplateSource, texts: Mapping[str, Any]) -> TemplateSource:
        """Return a text with those parts replaced that ``texts`` names."""
        named = {name: texts[name] for name in EDITABLE if texts.get(name) is not None}
        return TemplateSource(**asdict(source) | named)

    def head(self, campus_id: str | None, channel: Channel, template: str) -> MessageTemplate | None:
        """Return what is known of a place's own text; None if it never had one."""
        key = template_id(campus_id, channel, template)
        return self._templates.heads(texts_scope(campus_id), [key]).get(key)

    def version(self, head: MessageTemplate, number: int) -> MessageTemplateVersion | None:
        """Return a version of a text."""
        wanted = version_id(head.id, number)
        return self._templates.versions(texts_scope(head.campus_id), [wanted]).get(wanted)


def brought(template: str, sources: Iterable[TemplateSource]) -> tuple[str, ...]:
    """Return what every recipient has to bring for these texts; raise TextIsOutdated for an unknown name."""
    if template not in CATALOGUE:
        return ()
    known = CATALOGUE[template].named()
    parts = [part for source in sources for part in (source.subject, source.text, source.html)]
    named = frozenset[str]().union(*(read(part).names for part in parts))
    if unknown := named - known.keys():
        raise TextIsOutdated(f"{template} names {', '.join(sorted(unknown))}.")
    return tuple(sorted(name for name in named if known[name].brought))
