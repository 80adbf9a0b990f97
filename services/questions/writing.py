"""How questions are stored: what papers show in one place, what is right in another, a head over both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.questions.content import AnyContent
from services.questions.digests import digest_of, face_of
from services.questions.documents import AnswerKey, Question, QuestionVersion, version_id
from services.questions.key_repository import AnswerKeyRepository
from services.questions.media import files_of
from services.questions.paper import paper_of
from services.questions.repository import QuestionRepository
from services.questions.schemas import QuestionPlace
from utils.clock import Clock
from utils.decimals import to_stored
from utils.documents import new_id
from utils.identifiers import search_words
from utils.scope import Scope


@dataclass(frozen=True, slots=True)
class NewQuestion:
    """A question that somebody wrote, and where it goes."""

    content: AnyContent
    place: QuestionPlace

    @property
    def fields(self) -> dict[str, Any]:
        """What the head of the question holds of it."""
        content, place = self.content, self.place
        words = " ".join([place.name, *place.tags, content.stem])
        return {
            **place.model_dump(exclude={"campus_id"}),
            "type": content.type,
            "stem": content.stem,
            "digest": digest_of(content),
            "face": face_of(content),
            "terms": tuple(search_words(words)),
        }


class QuestionWriter:
    """Stores questions and versions. Called inside ``atomically``, where all of it is kept or nothing."""

    def __init__(self, questions: QuestionRepository, keys: AnswerKeyRepository, clock: Clock) -> None:
        self._questions, self._keys, self._clock = questions, keys, clock

    def add(self, new: Sequence[NewQuestion], campus_id: str | None, author: str) -> list[Question]:
        """Store new questions of a campus, or of the platform."""
        now = self._clock.now()
        made = {"campus_id": campus_id, "created_by": author, "created_at": now, "updated_at": now}
        heads = [Question(id=new_id(), **made, **one.fields) for one in new]
        self._questions.add(of_place(campus_id), heads)
        self._write(zip(heads, new, strict=True), campus_id, author)
        return heads

    def change(self, question: Question, new: NewQuestion, author: str) -> Question | None:
        """Store a new version of a question that is still as it was read; None if it is not."""
        fields = {**new.fields, "version": question.version + 1, "updated_at": self._clock.now()}
        changed = self._questions.change(of_place(question.campus_id), question, fields)
        if changed is not None:
            self._write([(changed, new)], question.campus_id, author)
        return changed

    def remove(self, question: Question) -> bool:
        """Remove a question that was never used, with all its versions; tell whether it was unused."""
        scope = of_place(question.campus_id)
        if not self._questions.remove_unused(scope, question.id):
            return False
        self._keys.remove_of(scope, question.id)
        return True

    def _write(self, written: Any, campus_id: str | None, author: str) -> None:
        versions, keys, now = [], [], self._clock.now()
        for head, new in written:
            content: AnyContent = new.content
            name = {"id": version_id(head.id, head.version), "campus_id": campus_id, "question_id": head.id}
            versions.append(
                QuestionVersion(
                    **name,
                    number=head.version,
                    type=content.type,
                    mark=to_stored(content.mark),
                    rule=content.scoring.rule,
                    paper=to_stored(paper_of(content).model_dump()),
                    media=files_of(content),
                    created_by=author,
                    created_at=now,
                )
            )
            keys.append(AnswerKey(**name, content=to_stored(content.model_dump())))
        self._questions.add_versions(of_place(campus_id), versions)
        self._keys.add(of_place(campus_id), keys)


def of_place(campus_id: str | None) -> Scope:
    """Return the scope in which the rows of a campus, or of the platform, are written."""
    return Scope.campus(campus_id) if campus_id is not None else Scope.everything()
