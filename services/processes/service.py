"""Who serves, and how to tell all of them something."""

from collections.abc import Mapping, Sequence

from services.ports import JSON
from services.processes.documents import Command, ServerProcess
from services.processes.repository import ProcessRepository
from services.processes.schemas import ProcessOut
from utils.paging import PageOf


class ProcessService:
    """The processes of all servers on this database."""

    def __init__(self, processes: ProcessRepository) -> None:
        self._processes = processes

    def list_processes(self) -> PageOf[ProcessOut]:
        """Return every living process, by host and age; there are never more than a page of them."""
        return PageOf(items=[ProcessOut.of(process) for process in self.living()], next_cursor=None)

    def living(self) -> Sequence[ServerProcess]:
        """Return every living process, by host and age."""
        return sorted(self._processes.living(), key=lambda one: (one.host, one.started_at, one.id))

    def tell_all(self, name: str, args: Mapping[str, JSON] | None = None) -> int:
        """Have every living process do something once, within a beat; return how many will.

        Inside ``store.atomically`` they hear of it when the transaction is committed.
        """
        return self._processes.tell(Command(name=name, args=dict(args or {})))

    def tell(self, process_id: str, name: str, args: Mapping[str, JSON] | None = None) -> bool:
        """Have one process do something once; False where it does not live."""
        return self._processes.tell(Command(name=name, args=dict(args or {})), process_id) == 1
