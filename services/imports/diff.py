"""What a row of a roster would do, given what is known already. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from services.imports.documents import ImportRow, Outcome
from services.imports.roster.lines import CellError, Column, RosterRow, RosterStudent
from services.students.documents import Student
from utils.identifiers import identifier_forms

TAKEN: Final = "already-in-use: somebody else has it; check the number"
CHANGED_SINCE: Final = (
    "changed-since-preview: this student was added or changed after the preview; upload again"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a roster goes."""

    import_id: str
    campus_id: str
    batch_id: str
    run: int
    country: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says: owners by identifier, and those of them who are students in the scope."""

    owners: Mapping[str, str]
    students: Mapping[str, Student]


def forms_of(student: RosterStudent, country: str) -> tuple[str, ...]:
    """Return every identifier that a row would take, the username first."""
    mobile = (student.mobile_number.removeprefix("+"),) if student.mobile_number else ()
    return (*identifier_forms(student.username, country), *mobile)


def compare(row: RosterRow, known: Known, place: Place) -> ImportRow:
    """Return the row with its outcome."""
    if row.student is None:
        return _row(row, place, Outcome.ERROR, errors=row.errors)
    owner = known.owners.get(row.student.username)
    if owner is None:
        return _new(row, row.student, known, place)
    present = known.students.get(owner)
    if present is None:
        return _row(row, place, Outcome.ERROR, errors=[CellError(Column.ROLL_NUMBER.label, TAKEN)])
    return _known(row, row.student, present, known, place)


def _new(row: RosterRow, student: RosterStudent, known: Known, place: Place) -> ImportRow:
    if any(form in known.owners for form in identifier_forms(student.username, place.country)):
        return _row(row, place, Outcome.ERROR, errors=[CellError(Column.ROLL_NUMBER.label, TAKEN)])
    if student.mobile_number and student.mobile_number.removeprefix("+") in known.owners:
        return _row(row, place, Outcome.ERROR, errors=[CellError(Column.MOBILE.label, TAKEN)])
    return _row(row, place, Outcome.NEW)


def _known(row: RosterRow, student: RosterStudent, present: Student, known: Known, place: Place) -> ImportRow:
    if present.batch_id != place.batch_id:
        detail = "belongs to a student of another batch of this campus; move the student instead"
        return _row(row, place, Outcome.ERROR, errors=[CellError(Column.ROLL_NUMBER.label, detail)])
    mobile = (student.mobile_number or "").removeprefix("+")
    if known.owners.get(mobile, present.id) != present.id:
        return _row(row, place, Outcome.ERROR, errors=[CellError(Column.MOBILE.label, TAKEN)])
    changes = changes_of(student, present)
    outcome = Outcome.CHANGED if changes else Outcome.SAME
    shown = _row(row, place, outcome, changes=changes)
    return shown.model_copy(update={"student_id": present.id, "base_revision": present.revision})


def changes_of(student: RosterStudent, present: Student) -> dict[str, list[Any]]:
    """Return what the row changes, as field to [before, after]. A blank cell leaves what is there."""
    changes: dict[str, list[Any]] = {}
    for field in ("roll_number", "name", "mobile_number", "email"):
        before, after = getattr(present, field), getattr(student, field)
        if after is not None and after != before:
            changes[field] = [before, after]
    if added := [course for course in student.course_ids if course not in present.course_ids]:
        changes["course_ids"] = [list(present.course_ids), [*present.course_ids, *added]]
    return changes


def fault_now(row: ImportRow, wish: RosterStudent, known: Known, country: str) -> dict[str, str] | None:
    """Return why a previewed row can no longer be applied, looked at in the transaction that applies it."""
    mobile = (wish.mobile_number or "").removeprefix("+")
    if row.outcome is Outcome.CHANGED:
        present = known.students.get(row.student_id or "")
        if present is None or present.revision != row.base_revision:
            return {"column": Column.ROLL_NUMBER.label, "detail": CHANGED_SINCE}
        taken = known.owners.get(mobile, present.id) != present.id
        return {"column": Column.MOBILE.label, "detail": TAKEN} if taken else None
    owner = next(
        (known.owners[f] for f in identifier_forms(wish.username, country) if f in known.owners), None
    )
    if owner is not None:
        detail = CHANGED_SINCE if owner in known.students else TAKEN
        return {"column": Column.ROLL_NUMBER.label, "detail": detail}
    return {"column": Column.MOBILE.label, "detail": TAKEN} if mobile in known.owners else None


def is_taken(row: ImportRow) -> bool:
    """Tell whether the row failed because somebody whom the importer may not see has its identifier."""
    return any(fault["detail"] == TAKEN for fault in row.errors)


def _row(
    row: RosterRow,
    place: Place,
    outcome: Outcome,
    *,
    errors: Sequence[CellError] = (),
    changes: dict[str, list[Any]] | None = None,
) -> ImportRow:
    return ImportRow(
        import_id=place.import_id,
        campus_id=place.campus_id,
        run=place.run,
        row=row.row,
        outcome=outcome,
        values=dict(row.values),
        student=asdict(row.student) if row.student else None,
        errors=tuple({"column": fault.column, "detail": fault.detail} for fault in errors),
        changes=changes or {},
    )
