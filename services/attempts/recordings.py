"""What students say in an attempt: a file of that attempt and slot, uploaded past the server."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from models import Actor
from services.attempts.ground import Ground, own
from services.attempts.schemas import SlotAnswer, SlotName
from services.attempts.sheets import Sheet, Slot
from services.files.kinds import Purpose
from services.files.schemas import FileOut, LinkOut, UploadOut, refuse_unallowed
from services.files.service import FileService
from services.questions.parts import QuestionType
from utils.problems import Invalid

NOT_YOURS: Final = "is no recording that was sent for this question of this attempt"
SILENT: Final = "asks for nothing that is said"


class RecordingCreate(BaseModel):
    """A recording that is going to be uploaded for a slot, or a ``child`` of the set in it."""

    model_config = ConfigDict(extra="forbid")

    slot: SlotName
    child: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    content_type: str = Field(max_length=100)
    size: int = Field(ge=1)

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        refuse_unallowed(Purpose.RECORDING, self.content_type, self.size)
        return self


class Named(NamedTuple):
    """A recording that an answer names: where it says so, and for what."""

    pointer: str
    place: str
    file_id: str


class Recordings:
    """Takes recordings for whoever sits an attempt, and answers for those that they name."""

    def __init__(self, ground: Ground, files: FileService) -> None:
        self._ground, self._files = ground, files

    def announce(self, attempt_id: str, wanted: RecordingCreate, actor: Actor) -> UploadOut:
        """Return a recording that waits for its bytes, while the attempt is open and held by this session."""
        attempt = self._ground.sat(own(actor), attempt_id, actor.session_id)
        slot = self._ground.sheet(attempt.campus_id, attempt.test_id).slots.get(wanted.slot)
        if slot is not None and wanted.child is not None:
            slot = slot.children.get(wanted.child)
        if slot is None or slot.type is not QuestionType.SPOKEN:
            raise Invalid.field("slot" if wanted.child is None else "child", SILENT)
        place = _place(wanted.slot, wanted.child)
        return self._files.announce_recording(attempt_id, place, wanted.content_type, wanted.size, actor)

    def complete(self, file_id: str, actor: Actor) -> FileOut:
        """Have the bytes of an own recording checked; an answer may name it from now on."""
        own(actor)
        return self._files.complete(file_id, actor)

    def get(self, file_id: str, actor: Actor) -> FileOut:
        """Return what is known of an own recording."""
        own(actor)
        return self._files.get(file_id, actor)

    def link(self, file_id: str, actor: Actor) -> LinkOut:
        """Return a link that downloads an own recording."""
        own(actor)
        return self._files.link(file_id, actor)

    def accept(self, attempt_id: str, sheet: Sheet, answers: Sequence[SlotAnswer], actor: Actor) -> None:
        """Raise Invalid where an answer names what was not recorded for it. Asks nothing where none does."""
        named = list(_named(sheet, answers))
        if not named:
            return
        there = self._files.recorded([one.file_id for one in named], attempt_id, actor)
        wrong = [one for one in named if there.get(one.file_id) != one.place]
        if wrong:
            raise Invalid(errors=[{"pointer": one.pointer, "detail": NOT_YOURS} for one in wrong])


def _named(sheet: Sheet, answers: Sequence[SlotAnswer]) -> Iterator[Named]:
    for number, one in enumerate(answers):
        slot, at = sheet.slots[one.slot], f"/answers/{number}/response"
        if file_id := _said(slot, one.response):
            yield Named(f"{at}/file_id", _place(one.slot), file_id)
        for name, given in one.response.get("children", {}).items() if slot.children else ():
            if file_id := _said(slot.children[name], given):
                yield Named(f"{at}/children/{name}/file_id", _place(one.slot, name), file_id)


def _said(slot: Slot, response: object) -> str | None:
    spoken = slot.type is QuestionType.SPOKEN and isinstance(response, dict)
    return response.get("file_id") if spoken and isinstance(response, dict) else None


def _place(slot: str, child: str | None = None) -> str:
    return slot if child is None else f"{slot}/{child}"
