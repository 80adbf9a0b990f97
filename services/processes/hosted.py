"""The web workers of one server, as their rows tell: what the worker manager decides by."""

from collections.abc import Mapping, Sequence, Sized
from typing import Any, Final

from services.processes.documents import ProcessState, ServerProcess
from services.processes.heartbeat import Heartbeat
from services.processes.repository import ProcessRepository
from utils.clock import Clock
from utils.hosting import Hosting
from utils.hosting_worker_manager import Load, Relief, Rules, Worker, WorkerManager
from utils.supervisor import Supervisor

SEATS: Final = (
    8  # requests that one process serves at once without loss; more threads only wait for each other
)


class HostedWorkers:
    """Puts the worker manager of this process together with what it reads and shows."""

    def __init__(
        self, processes: ProcessRepository, heartbeat: Heartbeat, rules: Rules, relief: Relief, clock: Clock
    ) -> None:
        self._processes, self._heartbeat = processes, heartbeat
        self._rules, self._relief, self._clock = rules, relief, clock

    def install(self, hosting: Hosting, supervisor: Supervisor, sockets: Sized) -> None:
        """Declare the loop; the ``sockets`` of this process are connections, but no load."""
        manager = WorkerManager(
            hosting, self._rules, self._clock, self._relief, lambda: self._workers(hosting.arbiter)
        )
        load = Load(lambda: hosting.in_flight() - len(sockets), SEATS, self._rules.every, self._clock)
        self._heartbeat.show("load", load.figures)
        self._heartbeat.show("hosting", manager.figures)
        manager.install(supervisor)

    def _workers(self, arbiter: int) -> tuple[str, Sequence[Worker]]:
        living = self._processes.living()
        me = next((row for row in living if row.id == self._heartbeat.id), None)
        if me is None:  # our own beat is late: others decide
            return self._heartbeat.id, []
        now = max(row.beat_at for row in living)
        ours = [row for row in living if (row.host, row.parent) == (me.host, arbiter)]
        return me.id, [_worker(row, (now - row.started_at).total_seconds(), self._rules) for row in ours]


def _worker(row: ServerProcess, age: float, rules: Rules) -> Worker:
    figures: dict[str, Any] = row.figures
    return Worker(
        id=row.id,
        pid=row.pid,
        age=age,
        serving=row.state is ProcessState.SERVING,
        memory=figures.get("memory", {}).get("pss", 0),
        load=figures.get("load", {}).get("mean", 0.0),
        stuck=_stuck(figures, rules),
    )


def _stuck(figures: Mapping[str, Any], rules: Rules) -> str:
    """Return what never came back, if anything."""
    loops, queues = figures.get("loops", {}), figures.get("queues", {})
    late = [f"loop {name}" for name, loop in loops.items() if loop.get("ticking_s", 0) >= rules.stuck]
    late += [f"queue {name}" for name, jobs in queues.items() if jobs.get("oldest_s", 0) >= rules.overdue]
    return next(iter(late), "")
