"""Files as clients use them: announced, uploaded past us, checked, linked to for a minute, removed."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from models import Actor
from services.audit.service import AuditService
from services.files.documents import FileState, StoredFile
from services.files.kinds import Purpose
from services.files.repository import LINK, FileRepository
from services.files.schemas import FileCreate, FileOut, LinkOut, UploadOut
from services.ports import Dependants, FileStore, JobEngine, OrganisationLookup, Queue
from utils.clock import Clock
from utils.problems import Conflict, Invalid, NotFound
from utils.scope import Scope
from utils.store import Store

CHECK_JOB: Final = "files.check"
UPLOAD_SECONDS: Final = 900
DOWNLOAD_SECONDS: Final = 60
MOST_RECORDINGS: Final = 20  # of one slot
PREFIX: Final = "files/"
UPLOADS: Final = "uploads/"  # where links lead; what was checked lies where none does


class FileNotFound(NotFound):
    """No such file, or not one of yours."""

    title = "No such file"


class FileNotStored(Conflict):
    """The file is not in a state that allows this: upload its bytes and complete it first; one that was
    refused says why, and has to be uploaded as a new one."""

    title = "The file is not ready"


class FileInUse(Conflict):
    """Something still uses the file; ``counts`` says what. Take it out there first."""

    title = "The file is still in use"


class TooManyRecordings(Conflict):
    """This slot has been recorded as often as it may be: ``most`` times. Name one that is there already."""

    title = "There are enough recordings"


class FileService:
    """Announces, completes, links and removes files of the actor's scope."""

    def __init__(
        self,
        files: FileRepository,
        contents: FileStore,
        store: Store,
        engine: JobEngine,
        audit: AuditService,
        places: OrganisationLookup,
        clock: Clock,
        dependants: Sequence[Dependants] = (),
    ) -> None:
        self._files, self._contents, self._store = files, contents, store
        self._engine, self._audit, self._places = engine, audit, places
        self._clock, self._dependants = clock, dependants

    def announce(self, wanted: FileCreate, actor: Actor) -> UploadOut:
        """Return a file that waits for its bytes, and the link that takes exactly those bytes."""
        facts = wanted.model_dump(exclude={"campus_id"})
        return self._announced(lambda: self._made(self._campus(wanted, actor), facts, actor), actor)

    def announce_recording(
        self, attempt_id: str, slot: str, content_type: str, size: int, actor: Actor
    ) -> UploadOut:
        """Return the same for what a student says in an attempt: nobody else finds it here."""
        facts = {
            "purpose": Purpose.RECORDING,
            "name": f"answer {slot.replace('/', ' ')}",
            "content_type": content_type,
            "size": size,
            "student_id": actor.id,
            "attempt_id": attempt_id,
            "slot": slot,
        }
        return self._announced(lambda: self._recording(facts, actor), actor)

    def _announced(self, make: Callable[[], StoredFile], actor: Actor) -> UploadOut:
        def work() -> StoredFile:
            file = make()
            self._files.add(_of(file), file)
            self._record("file.announced", file, actor)
            return file

        file = self._store.atomically(work)
        link = self._contents.upload_link(UPLOADS + file.key, file.content_type, file.size, UPLOAD_SECONDS)
        return UploadOut(file=FileOut.of(file), upload=LinkOut.of(link))

    def _recording(self, facts: Mapping[str, Any], actor: Actor) -> StoredFile:
        taken = self._files.count_recordings(actor.scope, facts["attempt_id"], facts["slot"], MOST_RECORDINGS)
        if taken >= MOST_RECORDINGS:
            raise TooManyRecordings(most=MOST_RECORDINGS)
        return self._made(actor.scope.campus_id, facts, actor)

    def _made(self, campus_id: str | None, facts: Mapping[str, Any], actor: Actor) -> StoredFile:
        now = self._clock.now()
        return StoredFile(
            campus_id=campus_id,
            key=f"{PREFIX}{campus_id or 'platform'}/{secrets.token_urlsafe(24)}",
            created_by=actor.id,
            created_at=now,
            updated_at=now,
            **facts,
        )

    def complete(self, file_id: str, actor: Actor) -> FileOut:
        """Have the bytes checked in the background; asked for again, tell how far that is."""
        file = self._found(file_id, actor)

        def work() -> StoredFile | None:
            moved = self._files.move(_of(file), file.id, FileState.WAITING, FileState.CHECKING)
            if moved is not None:
                args = {"file_id": file.id, "campus_id": file.campus_id}
                self._engine.submit(CHECK_JOB, args, queue=Queue.FILES, key=f"check:{file.id}")
            return moved

        return FileOut.of(self._store.atomically(work) or self._found(file_id, actor))

    def get(self, file_id: str, actor: Actor) -> FileOut:
        """Return what is known of a file."""
        return FileOut.of(self._found(file_id, actor))

    def link(self, file_id: str, actor: Actor) -> LinkOut:
        """Return a link that downloads a stored file, for a minute, as an attachment."""
        file = self._found(file_id, actor)
        if file.state is not FileState.STORED:
            raise FileNotStored()
        return self._link(file)

    def link_to(self, file_id: str, campus_id: str | None) -> LinkOut:
        """Return the same for a file of a campus or the platform, to whoever was shown that it is there."""
        file = self._files.find(Scope.everything(), file_id)
        ours = file is not None and file.student_id is None and file.campus_id in (campus_id, None)
        if file is None or not ours or file.state is not FileState.STORED:
            raise FileNotStored()
        return self._link(file)

    def remove(self, file_id: str, actor: Actor) -> None:
        """Remove a file that nothing uses. Its bytes go after the record: what is left is swept."""
        file = self._found(file_id, actor)
        counts: dict[str, int] = {}
        for provider in self._dependants:
            counts |= provider.counts("file", file.id, file.campus_id or "")
        if used := {name: count for name, count in counts.items() if count}:
            raise FileInUse(counts=used)

        def work() -> None:
            if self._files.remove(_of(file), file.id):
                self._record("file.removed", file, actor)

        self._store.atomically(work)
        self._contents.delete(file.key)

    def usable(self, file_ids: Sequence[str], campus_id: str | None) -> set[str]:
        """Return those of these files that are stored and the campus's; without one, the platform's."""
        scope = Scope.campus(campus_id) if campus_id else Scope.everything()
        found = self._files.find_many(scope, file_ids) if file_ids else []
        usable = [one for one in found if one.state is FileState.STORED and one.student_id is None]
        return {file.id for file in usable if file.campus_id == campus_id}

    def recorded(self, file_ids: Sequence[str], attempt_id: str, actor: Actor) -> dict[str, str | None]:
        """Return of which slot each of these own recordings of an attempt is, if its bytes were sent."""
        found = self._files.find_many(actor.scope, file_ids)
        sent = [one for one in found if one.state in (FileState.CHECKING, FileState.STORED)]
        return {file.id: file.slot for file in sent if file.attempt_id == attempt_id}

    def by_key(self, key: str) -> StoredFile:
        """Return the file of a signed link; whoever asks has proved that the link is ours."""
        file = self._files.find_by_key(LINK, key)
        if file is None:
            raise FileNotFound()
        return file

    def _campus(self, wanted: FileCreate, actor: Actor) -> str | None:
        """Return whose the file will be: the platform's only where the actor is not of one campus."""
        campus_id = wanted.campus_id or actor.scope.campus_id
        if campus_id is not None and not self._places.hold_campus(actor.scope, campus_id):
            raise Invalid.field("campus_id", "is not one of your campuses")
        return campus_id

    def _found(self, file_id: str, actor: Actor) -> StoredFile:
        file = self._files.find(actor.scope, file_id)
        if file is None or file.student_id not in (None, actor.id):
            raise FileNotFound()
        return file

    def _link(self, file: StoredFile) -> LinkOut:
        link = self._contents.download_link(file.key, file.name, file.content_type, DOWNLOAD_SECONDS)
        return LinkOut.of(link)

    def _record(self, action: str, file: StoredFile, actor: Actor) -> None:
        detail: Mapping[str, str] = {"purpose": file.purpose}
        self._audit.record(
            action, actor_id=actor.id, campus_id=file.campus_id, target=f"file:{file.id}", **detail
        )


def _of(file: StoredFile) -> Scope:
    return Scope.campus(file.campus_id) if file.campus_id else Scope.everything()
