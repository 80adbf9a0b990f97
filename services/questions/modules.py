"""The skill tree as data: what ships holds until somebody edits it."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Final

from pymongo.errors import DuplicateKeyError

from models import Actor
from services.audit.service import AuditService
from services.questions.documents import QuestionModule
from services.questions.problems import ModuleNotFound
from services.questions.repository import ModuleRepository
from services.questions.schemas import ModuleOut, ModulePut, Modules
from utils.problems import Invalid, Stale
from utils.store import Store

SHIPPED: Final = Path(__file__).with_name("shipped_modules.json")
KEY: Final = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
LEVELS: Final = ("BEGINNER", "INTERMEDIATE", "ADVANCED")


class ModuleService:
    """Shows and changes modules, and says whether a question's place is one of them."""

    def __init__(self, modules: ModuleRepository, store: Store, audit: AuditService) -> None:
        self._modules, self._store, self._audit = modules, store, audit

    def list_modules(self) -> Modules:
        """Return all modules in their order."""
        return Modules(items=[ModuleOut.of(module) for module in self.all()])

    def put(self, key: str, wanted: ModulePut, revision: int | None, actor: Actor) -> ModuleOut:
        """Make a module, or change one that nobody else changed meanwhile."""

        if not KEY.fullmatch(key):
            raise Invalid.field("key", "must be capital letters, digits and _, such as GRAMMAR")

        def work() -> QuestionModule:
            stored = {module.id: module for module in self._modules.all()}
            there = stored.get(key) or _shipped().get(key)
            if revision is not None and (there is None or revision != there.revision):
                raise Stale()
            number = stored[key].revision + 1 if key in stored else 1
            position = wanted.position if wanted.position is not None else _position(there, self.all())
            fields = wanted.model_dump(exclude={"position"})
            module = QuestionModule(id=key, revision=number, position=position, **fields)
            self._keep(module)
            self._audit.record(
                "question_module.changed",
                actor_id=actor.id,
                campus_id=None,
                target=f"question_module:{key}",
                before=there.revision if there else 0,
            )
            return module

        return ModuleOut.of(self._store.atomically(work))

    def accept(self, module: str, level: str | None, topic: str | None) -> None:
        """Raise Invalid for a place that no module has."""
        found = next((one for one in self.all() if one.id == module), None)
        if found is None:
            raise Invalid.field("module", "is not one of the modules")
        if level is not None and level not in found.levels:
            raise Invalid.field("level", f"must be one of {', '.join(found.levels)}")
        if topic is not None and topic not in found.topics:
            raise Invalid.field("topic", f"is not one of the topics of {module}")

    def named(self, key: str) -> ModuleOut:
        """Return one module."""
        found = next((one for one in self.all() if one.id == key), None)
        if found is None:
            raise ModuleNotFound()
        return ModuleOut.of(found)

    def _keep(self, module: QuestionModule) -> None:
        try:
            kept = self._modules.put(module)
        except DuplicateKeyError:
            kept = False
        if not kept:
            raise Stale()

    def all(self) -> list[QuestionModule]:
        """Return all modules in their order."""
        known = {**_shipped(), **{module.id: module for module in self._modules.all()}}
        return sorted(known.values(), key=lambda module: (module.position, module.id))


@cache
def _shipped() -> dict[str, QuestionModule]:
    found = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return {
        one["key"]: QuestionModule(
            id=one["key"],
            name=one["name"],
            levels=LEVELS,
            topics=one.get("topics", ()),
            position=place,
            revision=0,
        )
        for place, one in enumerate(found)
    }


def _position(there: QuestionModule | None, modules: list[QuestionModule]) -> int:
    return there.position if there else max(module.position for module in modules) + 1
