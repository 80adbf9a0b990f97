"""What a campaign needs of the product: a place for students, and rosters of them."""

from typing import Final

from tests.faults.client import PatientClient
from tests.faults.evidence import Row
from tests.faults.rosters import Roster

CHANNELS: Final = ("email", "sms")


def make_batch(client: PatientClient) -> str:
    """Make a campus with one course and one batch; return the batch."""
    place = {"name": "North Campus", "code": "NORTH", "timezone": "Asia/Kolkata"}
    campus_id = client.make("/campus_management/campuses", json=place)["id"]
    course = {"campus_id": campus_id, "name": "Computer Science", "code": "CSE"}
    course_id = client.make("/course_management/courses", json=course)["id"]
    batch = {"campus_id": campus_id, "name": "North 2026", "course_ids": [course_id]}
    return str(client.make("/batch_management/batches", json=batch)["id"])


def upload(client: PatientClient, roster: Roster, batch_id: str, *, dry_run: bool = False) -> Row:
    """Upload a roster, to be applied in one go or to be looked at first."""
    form = {"batch_id": batch_id, "dry_run": str(dry_run).lower(), "channels": ",".join(CHANNELS)}
    files = {"file": (roster.name, roster.content, "text/csv")}
    shown: Row = client.make("/student_management/imports", data=form, files=files)
    return shown
