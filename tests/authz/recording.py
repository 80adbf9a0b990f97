"""Which methods of repositories take a scope, and who reaches each of them with what."""

import importlib
import inspect
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, NamedTuple

import services
from tests.authz.walk import Case
from utils.scope import Scope

CALLS_KEPT: Final = 6  # of each kind, and as many of the last ones
SCOPE: Final = "scope"


@dataclass(frozen=True, slots=True)
class Method:
    """One method with a scope parameter, which is at ``place`` of its arguments."""

    owner: type[Any]
    name: str
    place: int

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.name}"

    @property
    def stored(self) -> Callable[..., Any]:
        """The function as the class has it now."""
        found: Callable[..., Any] = vars(self.owner)[self.name]
        return found

    def with_scope(self, change: Callable[[Scope], Scope]) -> Callable[..., Any]:
        """Return the function as it is now, given another scope than its caller gives."""
        real = self.stored

        @wraps(real)
        def changed(*given: Any, **named: Any) -> Any:
            if SCOPE in named:
                return real(*given, **{**named, SCOPE: change(named[SCOPE])})
            before, scope, after = given[: self.place], given[self.place], given[self.place + 1 :]
            return real(*before, change(scope), *after, **named)

        return changed


def scoped_methods() -> Iterator[Method]:
    """Yield every method of every repository that takes a scope."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if not module.name.endswith("repository"):
            continue
        for owner in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(owner) and owner.__module__ == module.name:
                yield from _of_class(owner)


def _of_class(owner: type[Any]) -> Iterator[Method]:
    for name, function in vars(owner).items():
        if inspect.isfunction(function) and SCOPE in (names := list(inspect.signature(function).parameters)):
            yield Method(owner, name, names.index(SCOPE))


class Unit(NamedTuple):
    """A smallest part of the walk: one actor, one operation, and which of its ids varies."""

    actor: str
    operation: str
    slot: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method, to be repeated with another scope: all of its arguments, and its own."""

    given: tuple[Any, ...]
    named: dict[str, Any]
    scope: Scope


class Recorder:
    """Notes every call of every scoped method, from when it is installed."""

    def __init__(self) -> None:
        self.methods = list(scoped_methods())
        self.units: dict[Method, dict[Unit, Scope]] = defaultdict(dict)
        self.first: dict[Method, list[Call]] = defaultdict(list)
        self.last: dict[Method, list[Call]] = defaultdict(list)
        self._unit: Unit | None = None
        self._real = {method: method.stored for method in self.methods}

    def install(self) -> None:
        """Begin to note."""
        for method, real in self._real.items():
            setattr(method.owner, method.name, self._noted(method, real))

    def remove(self) -> None:
        """Leave everything as it was."""
        for method, real in self._real.items():
            setattr(method.owner, method.name, real)

    def hear(self, case: Case) -> None:
        """Take note of what is asked now."""
        self._unit = Unit(case.actor.name, case.operation.name, case.slot)

    def calls(self, method: Method) -> list[Call]:
        """Return calls that found or did something."""
        return self.first[method] + self.last[method][-CALLS_KEPT:]

    def _noted(self, method: Method, real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def noted(*given: Any, **named: Any) -> Any:
            scope = named[SCOPE] if SCOPE in named else given[method.place]
            if self._unit is not None and (known := self.units[method]).get(self._unit) is None:
                known[self._unit] = scope
            found = real(*given, **named)
            if found or found is None:
                self._keep(method, Call(given, named, scope))
            return found

        return noted

    def _keep(self, method: Method, call: Call) -> None:
        if len(self.first[method]) < CALLS_KEPT:
            self.first[method].append(call)
            return
        last = self.last[method]
        last.append(call)
        if len(last) > 2 * CALLS_KEPT:
            del last[:CALLS_KEPT]
