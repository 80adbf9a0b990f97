"""Some students of a campus, told by courses, batches and names: what names nobody does not narrow."""

from dataclasses import dataclass
from typing import Final

from services.students.documents import StudentStatus
from services.students.listing import beyond
from utils.paging import Keyset
from utils.store import Row

GROUP_INDEX: Final = "campus_id_name_key"


@dataclass(frozen=True, slots=True)
class StudentGroup:
    """Active students of some courses, who are in some batches, and among some, or ``without`` some."""

    course_ids: tuple[str, ...] = ()
    batch_ids: tuple[str, ...] = ()
    student_ids: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def query(self) -> Row:
        """The filter, within a campus."""
        named = {"course_ids": self.course_ids, "batch_id": self.batch_ids, "_id": self.student_ids}
        narrowed: Row = {field: {"$in": list(ids)} for field, ids in named.items() if ids}
        if self.without:
            narrowed["_id"] = {**narrowed.get("_id", {}), "$nin": list(self.without)}
        return {"status": StudentStatus.ACTIVE, **narrowed}

    def after(self, keyset: Keyset) -> Row:
        """Return the filter of those who come after a cursor."""
        return {"$and": [self.query, beyond(keyset)]}
