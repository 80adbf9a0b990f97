"""Live progress of imports: at most five events a second, and always the last state."""

from services.imports.repository import ImportRepository
from services.imports.schemas import ImportOut
from services.ports import ProgressFeed
from utils.coalescer import Coalescer
from utils.scope import Scope


class ImportAnnouncer:
    """Tells the watchers of an import, in every process, how far it is."""

    def __init__(self, imports: ImportRepository, feed: ProgressFeed) -> None:
        self._imports, self._feed = imports, feed
        self._moved = Coalescer[tuple[str, str]](self._announce)
        self.tick = self._moved.tick

    def touch(self, import_id: str, campus_id: str) -> None:
        """Note that an import moved."""
        self._moved.touch((import_id, campus_id))

    def _announce(self, moved: tuple[str, str]) -> bool:
        import_id, campus_id = moved
        roster = self._imports.find(Scope.campus(campus_id), import_id)
        if roster is not None:
            self._feed.publish(f"import:{import_id}", "import:progress", ImportOut.of(roster))
        return False
