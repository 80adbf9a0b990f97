"""Whose turn it is: everybody who waits gets the same share, whoever waits with more has no more of it."""

from collections import Counter
from collections.abc import Callable, Mapping
from random import random as uniform
from typing import Final

ROOT: Final = ""
NOBODY: Final = "-"
STEEPEST: Final = 3  # a priority beyond it counts as it: 8 turns to one at most, so nobody starves


class Turns:
    """Stride scheduling over the parts of ``fair``, the widest first, in the memory of one process.

    Each turn is charged to the key that takes it and to every part above it; at every level whoever has been
    charged least is next. Who was away does not save turns up: it starts where the others are.
    """

    def __init__(self, random: Callable[[], float] = uniform) -> None:
        self._random = random  # who is next among equals differs between processes
        self._charged: dict[str, float] = {}
        self._level: dict[str, float] = {}  # by parent: what whoever was next last had been charged before

    def share(self, waiting: Mapping[str | None, int], seats: int) -> Mapping[str | None, int]:
        """Return how many of the seats each waiting key gets; ``waiting`` gives the priority of each."""
        keys = {f"{key or NOBODY}/": key for key in waiting}
        below = _tree(keys)
        given: Counter[str | None] = Counter()
        for _ in range(seats if keys else 0):
            leaf = self._next(below)
            self._charge(leaf, 2.0 ** -min(STEEPEST, max(-STEEPEST, waiting[keys[leaf]])))
            given[keys[leaf]] += 1
        self._forget(below)
        return given

    def _next(self, below: Mapping[str, set[str]]) -> str:
        node = ROOT
        while children := below.get(node):
            spent = {child: (self._spent(node, child), self._random()) for child in children}
            node = min(spent, key=spent.__getitem__)
        return node

    def _charge(self, leaf: str, cost: float) -> None:
        for parent, child in _steps(leaf):
            spent = self._spent(parent, child)
            self._level[parent], self._charged[child] = spent, spent + cost

    def _spent(self, parent: str, child: str) -> float:
        return max(self._charged.get(child, 0.0), self._level.get(parent, 0.0))

    def _forget(self, below: Mapping[str, set[str]]) -> None:
        """Keep only what still makes a difference, or every job that ever was would be remembered."""
        self._level = {parent: level for parent, level in self._level.items() if parent in below}
        self._charged = {
            child: spent
            for child, spent in self._charged.items()
            if spent > self._level.get(_parent(child), spent)
        }


def _parent(node: str) -> str:
    return node.rpartition("/")[0]


def _steps(leaf: str) -> list[tuple[str, str]]:
    """Return the steps from the root to ``a/b/``: to ``a``, to ``a/b``, and to the leaf itself."""
    nodes = [leaf]
    while parent := _parent(nodes[-1]):
        nodes.append(parent)
    return [(_parent(node), node) for node in reversed(nodes)]


def _tree(leaves: Mapping[str, str | None]) -> dict[str, set[str]]:
    below: dict[str, set[str]] = {}
    for leaf in leaves:
        for parent, child in _steps(leaf):
            below.setdefault(parent, set()).add(child)
    return below
