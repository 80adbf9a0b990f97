"""A test as a student would see it, before and after it is published."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from models import Actor
from services.assessments.arrangement import arranged
from services.assessments.blueprints import Blueprints
from services.assessments.ground import AssessmentGround
from services.assessments.papers import Papers


class PreviewQuery(BaseModel):
    """``seed``: the same one shows the same order."""

    model_config = ConfigDict(extra="forbid")

    seed: Annotated[str, Field(max_length=64)] = "preview"


class PreviewSection(BaseModel):
    title: str
    slots: list[dict[str, Any]]


class PaperPreview(BaseModel):
    """What a student sees while sitting. ``final``: it is published; before, pools may still give others."""

    name: str
    duration_minutes: int
    final: bool
    sections: list[PreviewSection]


class Previews:
    """Shows papers to those who make tests."""

    def __init__(self, ground: AssessmentGround, blueprints: Blueprints, papers: Papers) -> None:
        self._ground, self._blueprints, self._papers = ground, blueprints, papers

    def show(self, test_id: str, query: PreviewQuery, actor: Actor) -> PaperPreview:
        """Return a test's paper; of a draft what publishing it now would make. Nothing is stored."""
        test = self._ground.found(test_id, actor).test
        paper = self._papers.of(test.campus_id, test.id)
        sections = paper.sections if paper is not None else self._blueprints.of(test).paper
        shuffled = {"shuffle_questions": test.shuffle_questions, "shuffle_options": test.shuffle_options}
        shown = arranged(sections, query.seed, **shuffled)
        return PaperPreview(
            name=test.name,
            duration_minutes=test.duration_minutes,
            final=paper is not None,
            sections=[PreviewSection(**section) for section in shown],
        )
