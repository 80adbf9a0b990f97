"""The collections ``message_templates`` and ``message_template_versions``."""

from collections.abc import Sequence
from typing import Final

from pymongo.errors import DuplicateKeyError

from services.notifications.documents import (
    MESSAGE_TEMPLATE_VERSIONS,
    MESSAGE_TEMPLATES,
    MessageTemplate,
    MessageTemplateVersion,
)
from services.ports import Channel
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, Store

MOVED: Final = ("current", "latest", "revision", "updated_by", "updated_at")


class TemplateRepository:
    """Edited texts. Versions are only ever added; what moves is which of them is current."""

    def __init__(self, store: Store) -> None:
        self._heads = store.rows(MESSAGE_TEMPLATES)
        self._versions = store.rows(MESSAGE_TEMPLATE_VERSIONS)

    def heads(self, scope: Scope, ids: Sequence[str]) -> dict[str, MessageTemplate]:
        """Return those of these templates that were ever edited, by id."""
        rows = self._heads.find(scope, {"_id": {"$in": list(ids)}})
        return {str(row["_id"]): MessageTemplate.from_mongo(row) for row in rows}

    def put_head(self, scope: Scope, head: MessageTemplate) -> bool:
        """Store a head as the successor of the revision before it; False if that is no longer the present."""
        row = head.to_mongo()
        if head.revision > 1:
            moved = {name: row[name] for name in MOVED}
            before = {"_id": head.id, "revision": head.revision - 1}
            return self._heads.update_one(scope, before, {"$set": moved})
        try:
            self._heads.insert(scope, row)
        except DuplicateKeyError:
            return False
        return True

    def add_version(self, scope: Scope, version: MessageTemplateVersion) -> None:
        """Store a new version."""
        self._versions.insert(scope, version.to_mongo())

    def versions(self, scope: Scope, ids: Sequence[str]) -> dict[str, MessageTemplateVersion]:
        """Return those of these versions that there are, by id."""
        rows = self._versions.find(scope, {"_id": {"$in": list(ids)}})
        return {str(row["_id"]): MessageTemplateVersion.from_mongo(row) for row in rows}

    def list_versions(
        self, scope: Scope, campus_id: str | None, channel: Channel, template: str, keyset: Keyset
    ) -> list[Row]:
        """Return one more version than a page holds, without their long texts."""
        query = {"campus_id": campus_id, "channel": channel, "template": template, **keyset.filter}
        shown = {"html": 0, "text": 0, "dlt_text": 0}
        return self._versions.find(scope, query, shown, sort=keyset.order, limit=keyset.limit + 1)
