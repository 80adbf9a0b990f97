"""What is heard in an attempt: each play is counted here, and only a counted play has a link to the sound."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from models import Actor
from services.attempts.documents import Attempt
from services.attempts.ground import Ground, own
from services.attempts.problems import PlaysUsedUp
from services.attempts.schemas import PlayedOut, SlotName
from services.attempts.sheets import Sheet, Slot
from services.files.schemas import LinkOut
from services.files.service import FileService
from services.questions.parts import QuestionType
from utils.problems import Invalid


class Play(BaseModel):
    """Which slot is to be heard once more."""

    model_config = ConfigDict(extra="forbid")

    slot: SlotName


class PlayOut(PlayedOut):
    """A play that was counted. ``link`` is good for a minute; null where the question has no recording."""

    link: LinkOut | None
    server_time: datetime
    deadline: datetime


class Plays:
    """Counts plays and hands out links."""

    def __init__(self, ground: Ground, files: FileService) -> None:
        self._ground, self._files = ground, files

    def play(self, attempt_id: str, wanted: Play, actor: Actor) -> PlayOut:
        """Count a play of an own attempt that this session sits now, and return what is to be heard."""
        scope, slot_name = own(actor), wanted.slot
        sheet = self._ground.sheet(actor.campus_id, self._ground.test_id(scope, attempt_id))
        slot = sheet.slots.get(slot_name)
        if slot is None or not _is_heard(slot):
            raise Invalid.field("slot", "lets nothing be heard")
        link = self._files.link_to(slot.audio_file_id, actor.campus_id) if slot.audio_file_id else None
        now = self._ground.attempts.play(scope, attempt_id, actor.session_id, slot_name, slot.plays)
        if now is None:
            attempt = self._ground.sat(scope, attempt_id, actor.session_id)
            raise PlaysUsedUp(allowed=(slot.plays or 0) + attempt.extra_plays)
        counted = _played(slot_name, slot, now.attempt)
        return PlayOut(
            **counted.model_dump(),
            link=link,
            server_time=now.server_time,
            deadline=now.attempt.deadline_at,
        )


def played(sheet: Sheet, attempt: Attempt) -> list[PlayedOut]:
    """Return how often each slot that lets something be heard was played."""
    return [_played(name, slot, attempt) for name, slot in sheet.slots.items() if _is_heard(slot)]


def _played(name: str, slot: Slot, attempt: Attempt) -> PlayedOut:
    count = attempt.plays.get(name, 0)
    left = None if slot.plays is None else max(0, slot.plays + attempt.extra_plays - count)
    return PlayedOut(slot=name, played=count, left=left)


def _is_heard(slot: Slot) -> bool:
    return slot.type is QuestionType.LISTENING_SET
