"""Puts a mutant into the app, walks through what can notice it, and tells what did."""

from typing import Final

from flask import Flask

from services.accounts.principals import Principals
from tests.authz.actors import ACTORS
from tests.authz.mutants import Mutant
from tests.authz.operations import operations
from tests.authz.recording import Method, Recorder, Unit
from tests.authz.replays import Outcome, Replays
from tests.authz.walk import Walk

REPEATED: Final = "a repeated call reaches further than its scope"


class Trial:
    """Tries mutants on the world as it was walked through."""

    def __init__(self, app: Flask, walk: Walk, recorder: Recorder) -> None:
        self._app, self._walk = app, walk
        self._operations = {one.name: one for one in operations(app)}
        self._actors = {one.name: one for one in ACTORS}
        store = app.extensions["versant"].store
        self._replays = Replays(recorder, walk.world, walk.effects, store)

    def kills(self, mutant: Mutant) -> str:
        """Return what noticed a mutant; empty when nothing did."""
        if mutant.method:
            self.usual(mutant.method)
        self.forget()
        try:
            with mutant.put_in():
                found = next((f for unit in mutant.units for f in self._walked(unit)), "")
                if not found and mutant.method and self._replays.differs(mutant.method):
                    found = REPEATED
        finally:
            self.forget()
        return found

    def usual(self, method: Method) -> list[Outcome]:
        """Return what comes of a method's calls in scopes that hold nothing, in the app as it is."""
        return self._replays.usual(method)

    def forget(self) -> None:
        """Let nothing that was remembered hide a fault, or outlive it."""
        runtime = self._app.extensions["versant"]
        runtime.fresh.cache.shrink(1.0)
        runtime.fresh.versions.forget()
        runtime.replies.shrink(1.0)
        self._app.extensions["verified-tokens"].clear()
        principals: Principals = runtime.services.authentication._principals
        principals._known.clear()

    def _walked(self, unit: Unit) -> list[str]:
        """Return what a walk of the smallest size finds."""
        self._app.extensions["versant"].services.channels._channels._fresh_until = 0.0
        walk = Walk(self._walk.world, self._walk.asking, self._walk.effects, leaks=self._walk.leaks)
        actor, operation = self._actors[unit.actor], self._operations[unit.operation]
        if unit.slot:
            walk.vary(actor, operation, unit.slot)
        else:
            walk.ask(actor, operation)
        return list(walk.ended())
