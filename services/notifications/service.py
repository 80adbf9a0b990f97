"""Message templates as admins see and change them."""

from models import Actor
from services.notifications.catalogue import CATALOGUE, Placeholder
from services.notifications.rendering import Renderer
from services.notifications.schemas import Origin, TemplateQuery, TemplateSummary, placeholder_out
from services.ports import Channel, OrganisationLookup
from utils.paging import PageOf
from utils.problems import Invalid


class TemplateService:
    """Lists the templates of a channel."""

    def __init__(self, renderer: Renderer, places: OrganisationLookup, link_base: str) -> None:
        self._renderer, self._places, self._link_base = renderer, places, link_base

    def list_templates(self, channel: Channel, query: TemplateQuery, actor: Actor) -> PageOf[TemplateSummary]:
        """Return every template of a channel, with where its present text comes from."""
        self._whose(query.campus_id, actor)
        items = [
            TemplateSummary(
                name=name,
                description=declared.description,
                channel=channel,
                origin=Origin.SHIPPED,
                version=0,
                placeholders=[placeholder_out(one, self._sample(one)) for one in declared.placeholders],
            )
            for name, declared in CATALOGUE.items()
            if channel in self._renderer.channels(name)
        ]
        return PageOf(items=items, next_cursor=None)

    def _whose(self, campus_id: str | None, actor: Actor) -> str | None:
        """Return the campus whose texts are meant, None for the platform's; raise Invalid for another's."""
        own = actor.scope.campus_id
        if campus_id is None:
            return own
        if own not in (None, campus_id) or self._places.campus_name(campus_id) is None:
            raise Invalid.field("campus_id", "is not a campus of yours")
        return campus_id

    def _sample(self, placeholder: Placeholder) -> str:
        if placeholder.name == "product_name":
            return self._renderer.product_name
        return f"{self._link_base}{placeholder.sample}" if placeholder.link else placeholder.sample
