"""The breakers of all processes: seen in one place, and closed by hand."""

from collections.abc import Mapping
from typing import Any, Final

from models import Actor
from services.audit.service import AuditService
from services.breakers.schemas import BreakerInProcess, BreakerOut
from services.ports import JSON, Bus
from services.processes.heartbeat import Heartbeat
from services.processes.service import ProcessService
from utils.paging import PageOf
from utils.problems import NotFound
from utils.resilient_services import Breakers
from utils.store import Store

FIGURE: Final = "breakers"
RESET: Final = "breaker.reset"


class BreakerNotFound(NotFound):
    """No service that this server calls has a breaker of this name."""

    title = "No such breaker"


class BreakerService:
    """Shows and resets breakers. Each process has its own of every service and finds out for itself."""

    def __init__(
        self, breakers: Breakers, processes: ProcessService, store: Store, audit: AuditService, bus: Bus
    ) -> None:
        self._breakers, self._processes, self._store, self._audit = breakers, processes, store, audit
        self._bus = bus

    def install(self, heartbeat: Heartbeat) -> None:
        """Show this process's breakers with its other figures, and have it reset them when it is told to."""
        heartbeat.show(FIGURE, lambda: [breaker.status() for breaker in self._breakers.all()])
        heartbeat.on(RESET, self._reset_here)
        self._bus.subscribe(RESET, self._reset_here)

    def list_breakers(self) -> PageOf[BreakerOut]:
        """Return every breaker by name, with each process that has beaten lately."""
        seen = self._seen()
        return PageOf(items=[BreakerOut.of(name, seen[name]) for name in sorted(seen)], next_cursor=None)

    def reset(self, name: str, actor: Actor) -> None:
        """Close a breaker in every process: at once where the bus is heard, else at its next beat."""
        before = self._seen().get(name)
        if before is None:
            raise BreakerNotFound()
        states = sorted({str(one.state) for one in before})

        def work() -> None:
            target = f"breaker:{name}"
            self._audit.record(RESET, actor_id=actor.id, campus_id=None, target=target, states=states)
            self._processes.tell_all(RESET, {"name": name})
            self._store.after_commit(lambda: self._bus.publish(RESET, {"name": name}))

        self._store.atomically(work)

    def _reset_here(self, args: Mapping[str, JSON]) -> None:
        breaker = self._breakers.find(str(args["name"]))
        if breaker is not None:
            breaker.reset()

    def _seen(self) -> dict[str, list[BreakerInProcess]]:
        found: dict[str, list[BreakerInProcess]] = {breaker.name: [] for breaker in self._breakers.all()}
        for process in self._processes.living():
            for status in _shown(process.figures.get(FIGURE)):
                found.setdefault(str(status["name"]), []).append(BreakerInProcess.of(process, status))
        return found


def _shown(figure: Any) -> list[dict[str, Any]]:
    """Return the breakers that a process shows; none where it could not say."""
    return figure if isinstance(figure, list) else []
