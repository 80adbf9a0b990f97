"""How many messages a campus may hand over on one of its days: what is more waits for the next one."""

from collections.abc import Mapping
from typing import Final, Protocol

from services.batch_jobs.quota_repository import Allowance, QuotaRepository
from services.ports import Channel
from utils.scope import Scope

SOMEWHERE: Final = "UTC"  # of a campus that is gone


class CampusTimes(Protocol):
    """Answers for the campuses, which come later."""

    def timezone(self, campus_id: str) -> str | None:
        """Return the name of a campus's time zone."""


class DailyQuota:
    """Counts before the call, so that no process and no moment lets more through than the quota."""

    def __init__(
        self, repository: QuotaRepository, quotas: Mapping[Channel, int], places: CampusTimes
    ) -> None:
        self._repository, self._quotas, self._places = repository, quotas, places

    def of(self, channel: Channel) -> int | None:
        """Return how many messages a campus has each day; None where they are not counted."""
        return self._quotas.get(channel) or None

    def reserve(self, campus_id: str | None, channel: Channel, wanted: int) -> Allowance:
        """Count up to ``wanted`` messages of a campus; what belongs to none is not counted."""
        quota = self.of(channel)
        if campus_id is None or quota is None:
            return Allowance(wanted, "", 0.0)
        timezone = self._places.timezone(campus_id) or SOMEWHERE
        return self._repository.reserve(Scope.campus(campus_id), channel, timezone, wanted, quota)

    def give_back(self, campus_id: str | None, channel: Channel, allowance: Allowance) -> None:
        """Take back what was counted and not handed over."""
        if campus_id is not None and allowance.day and allowance.granted:
            self._repository.give_back(Scope.campus(campus_id), channel, allowance.day, allowance.granted)
