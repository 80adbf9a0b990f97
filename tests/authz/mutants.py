"""Faults of authorisation, made from the declarations: each is put into the running app and taken out again.

None is listed by hand: they follow from the parameters called ``scope``, the tables of permissions, the
models that routes return, and the permissions that routes ask for.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydantic import BaseModel

from config.permissions import GRANTS, Permission, Role, module_grants
from routes._kit.endpoint import SIGNED_IN
from tests.authz.actors import ACCOUNTS, ACTORS
from tests.authz.models import models_within
from tests.authz.operations import Operation
from tests.authz.recording import Method, Recorder, Unit
from utils.scope import Scope

PRODUCT: Final = ("assembly", "commands", "config", "models", "routes", "services")
FEW: Final = 4  # actors of each operation that are tried for a lost scope
LEVELS: Final = ("none", "read", "write")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: what it is called, how it is put in, and who can notice it, the likeliest first.

    ``method`` is the one whose scope is lost, so that calls of it can be repeated.
    """

    name: str
    put_in: Callable[[], AbstractContextManager[None]]
    units: Sequence[Unit]
    method: Method | None = None


def everywhere(scope: Scope) -> Scope:
    """Return a scope that leaves nothing out, under the same name."""
    return Scope(scope.label)


def whole_campus(scope: Scope) -> Scope:
    """Return the scope of the whole campus, under the same name."""
    return Scope(scope.label, scope.campus_id)


class Mutants:
    """Makes every mutant of an app."""

    def __init__(self, everything: Sequence[Operation], recorder: Recorder, secret: str) -> None:
        self._operations, self._recorder, self._secret = everything, recorder, secret
        self._actors = [actor for actor in ACTORS if actor.gets_in]

    def all(self) -> list[Mutant]:
        """Return every mutant."""
        return [*self._scopes(), *self._grants(), *self._modules(), *self._outputs(), *self._routes()]

    def _scopes(self) -> Iterator[Mutant]:
        for method in self._recorder.methods:
            for loosen in (everywhere, whole_campus):
                reached = {unit: s for unit, s in self._recorder.units[method].items() if loosen(s) != s}
                narrow = [call for call in self._recorder.calls(method) if loosen(call.scope) != call.scope]
                if loosen is whole_campus and not reached and not narrow:
                    continue  # nobody calls it with anything narrower than a campus
                units = self._likeliest(reached)
                yield Mutant(f"scope {method} {loosen.__name__}", _loosened(method, loosen), units, method)

    def _likeliest(self, reached: Mapping[Unit, Scope]) -> list[Unit]:
        """Return a few units of each operation, those of people with a place first."""
        places = {actor.name: number for number, actor in enumerate(reversed(ACTORS)) if actor.campus}
        found: dict[tuple[str, str], list[Unit]] = {}
        for unit in sorted(reached, key=lambda unit: places.get(unit.actor, len(ACTORS))):
            found.setdefault((unit.operation, unit.slot), []).append(unit)
        return [unit for turn in range(FEW) for units in found.values() for unit in units[turn : turn + 1]]

    def _grants(self) -> Iterator[Mutant]:
        for role, granted in GRANTS.items():
            if role is Role.SUB_SUPERADMIN:
                continue  # by module, see below
            for permission in Permission:
                flipped = {**GRANTS, role: granted ^ {permission}}
                names = [actor.name for actor in self._actors if actor.role is role]
                how = "withheld from" if permission in granted else "granted to"
                yield Mutant(
                    f"grant {permission} {how} {role}",
                    partial(everywhere_instead, GRANTS, flipped),
                    self._asking(permission, names),
                )

    def _modules(self) -> Iterator[Mutant]:
        subs = [one for one in self._actors if one.role is Role.SUB_SUPERADMIN]
        modules = {account.username: account.modules for account in ACCOUNTS}
        for permission in Permission:
            for level in LEVELS:
                at_level = [
                    one for one in subs if modules[one.username].get(permission.module, "none") == level
                ]
                yield Mutant(
                    f"module {permission} at {level}",
                    partial(everywhere_instead, module_grants, _flipped(permission, level)),
                    self._asking(permission, [one.name for one in at_level]),
                )

    def _outputs(self) -> Iterator[Mutant]:
        shown: dict[type[BaseModel], dict[str, None]] = {}
        for operation in self._operations:
            if operation.spec and operation.spec.returns:
                for model in models_within(operation.spec.returns):
                    shown.setdefault(model, {})[operation.name] = None
        for model, by in shown.items():
            names = [actor.name for actor in reversed(self._actors)]
            units = [Unit(name, operation, "") for name in names for operation in by]
            area = model.__module__.removeprefix("services.").partition(".")[0]
            yield Mutant(
                f"output {area} {model.__name__} with a secret", _showing(model, self._secret), units
            )

    def _routes(self) -> Iterator[Mutant]:
        for operation in self._operations:
            if isinstance(operation.access, Permission) and operation.spec is not None:
                names = [one.name for one in self._actors if operation.access not in one.permissions]
                units = [Unit(name, operation.name, "") for name in names]
                put_in = _field(operation.spec, "access", SIGNED_IN)
                yield Mutant(f"route {operation.method} {operation.rule} signed in", put_in, units)

    def _asking(self, permission: Permission, names: Sequence[str]) -> list[Unit]:
        """Return who asks for what a permission opens; for everything where it opens nothing by itself."""
        chosen = [operation for operation in self._operations if operation.access is permission]
        return [Unit(name, one.name, "") for one in chosen or self._operations for name in names]


def _flipped(permission: Permission, level: str) -> Callable[[Mapping[str, str]], frozenset[Permission]]:
    def granted(modules: Mapping[str, str]) -> frozenset[Permission]:
        found = module_grants(modules)
        return found ^ {permission} if modules.get(permission.module, "none") == level else found

    return granted


@contextmanager
def everywhere_instead(old: Any, new: Any) -> Iterator[None]:
    """Let every module of the product that knows ``old`` know ``new`` instead."""
    known = [
        (module, name)
        for of, module in list(sys.modules.items())
        if of.partition(".")[0] in PRODUCT
        for name, value in list(vars(module).items())
        if value is old
    ]
    try:
        for module, name in known:
            setattr(module, name, new)
        yield
    finally:
        for module, name in known:
            setattr(module, name, old)


def _loosened(method: Method, loosen: Callable[[Scope], Scope]) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def put_in() -> Iterator[None]:
        real = method.stored
        setattr(method.owner, method.name, method.with_scope(loosen))
        try:
            yield
        finally:
            setattr(method.owner, method.name, real)

    return put_in


def _field(owner: Any, name: str, value: Any) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def put_in() -> Iterator[None]:
        real = getattr(owner, name)
        object.__setattr__(owner, name, value)  # declarations are frozen
        try:
            yield
        finally:
            object.__setattr__(owner, name, real)

    return put_in


def _showing(model: type[BaseModel], secret: str) -> Callable[[], AbstractContextManager[None]]:
    """Return how a model comes to show a field too many, wherever in a reply it stands."""

    @contextmanager
    def put_in() -> Iterator[None]:
        real = BaseModel.model_dump_json

        def dumped(self: BaseModel, **how: Any) -> str:
            return json.dumps(_with_secret(self, self.model_dump(mode="json", **how), model, secret))

        BaseModel.model_dump_json = dumped  # type: ignore[method-assign]
        try:
            yield
        finally:
            BaseModel.model_dump_json = real  # type: ignore[method-assign]

    return put_in


def _with_secret(value: Any, dumped: Any, model: type[BaseModel], secret: str) -> Any:
    if isinstance(value, BaseModel):
        for name in value.__class__.model_fields.keys() & dumped.keys():
            _with_secret(getattr(value, name), dumped[name], model, secret)
        if isinstance(value, model.__pydantic_generic_metadata__["origin"] or model):  # a page is of any kind
            dumped["too_much"] = secret
    elif isinstance(value, dict):
        for key in value.keys() & dumped.keys():
            _with_secret(value[key], dumped[key], model, secret)
    elif isinstance(value, list | tuple):
        for part, shown in zip(value, dumped, strict=True):
            _with_secret(part, shown, model, secret)
    return dumped
