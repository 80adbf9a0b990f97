"""That a roll number or mobile is in use elsewhere is told, audited and rationed: it is no way to ask."""

from collections.abc import Mapping
from contextvars import Context
from datetime import datetime, timedelta
from typing import Final

from config.constants import TAKEN_ELSEWHERE_PER_HOUR
from models import Actor
from services.accounts.names import IdentifierTaken
from services.accounts.service import AccountService
from services.audit.service import AuditService
from services.students.problems import TooManyTaken
from services.students.repository import StudentRepository, TakenBudget
from utils.clock import Clock
from utils.context import caused_by, request_id

HOUR: Final = timedelta(hours=1)


class TakenElsewhere:
    """Keeps count per campus and hour."""

    def __init__(self, budget: TakenBudget, audit: AuditService, clock: Clock) -> None:
        self._budget, self._audit, self._clock = budget, audit, clock

    def may_tell(self, campus_id: str, actor_id: str, rows: int = 1) -> bool:
        """Note that ``rows`` identifiers are told as taken; False if that is too many for this hour.

        The note stays, whatever becomes of the transaction that is open here: the refusal undoes that one.
        """
        cause = request_id()

        def apart() -> bool:
            with caused_by(cause):
                return self._note(campus_id, actor_id, rows)

        return Context().run(apart)

    def may_ask(self, campus_id: str) -> bool:
        """Tell whether anything may still be told in this hour. While not, even "it is free" would tell."""
        return self._budget.left(campus_id, self._hour().isoformat(), TAKEN_ELSEWHERE_PER_HOUR) > 0

    def seconds_left(self) -> float:
        """Return when the next hour begins, in seconds from now."""
        return (self._hour() + HOUR - self._clock.now()).total_seconds()

    def _note(self, campus_id: str, actor_id: str, rows: int) -> bool:
        hour, most = self._hour(), TAKEN_ELSEWHERE_PER_HOUR
        if not self._budget.spend(campus_id, hour.isoformat(), rows, most, hour + 2 * HOUR):
            return False
        self._audit.record(
            "student.taken_elsewhere",
            actor_id=actor_id,
            campus_id=campus_id,
            target=f"campus:{campus_id}",
            rows=rows,
        )
        return True

    def _hour(self) -> datetime:
        return self._clock.now().replace(minute=0, second=0, microsecond=0)


class FreeIdentifiers:
    """Looks, in the transaction that takes them, whether the identifiers of one student are free."""

    def __init__(self, accounts: AccountService, students: StudentRepository, taken: TakenElsewhere) -> None:
        self._accounts, self._students, self._taken = accounts, students, taken

    def require(self, student_id: str, forms: Mapping[str, str], campus_id: str, actor: Actor) -> None:
        """Raise IdentifierTaken for the first of ``forms`` (form to field) that is somebody else's.

        Whoever has it is never named. That it is somebody whom the actor may not see counts; once an hour's
        worth of that was told, raise TooManyTaken for free ones as well.
        """
        if forms and not self._taken.may_ask(campus_id):
            raise TooManyTaken(retry_after=self._taken.seconds_left())
        owners = self._accounts.taken(list(forms))
        for form, field in forms.items():
            owner = owners.get(form, student_id)
            if owner == student_id:
                continue
            seen = self._students.find(actor.scope, owner) is not None
            if not seen and not self._taken.may_tell(campus_id, actor.id):
                raise TooManyTaken(retry_after=self._taken.seconds_left())
            raise IdentifierTaken(student_id, field)
