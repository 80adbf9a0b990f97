"""Tests put together: their classes fill no role that another could fill."""

from dataclasses import dataclass
from typing import Self

from services.accounts.area import Surroundings
from services.assessments.blueprints import Blueprints
from services.assessments.checking import PlanChecks
from services.assessments.ground import AssessmentGround
from services.assessments.papers import Papers
from services.assessments.publishing import Publishing
from services.assessments.repository import AssessmentRepository, PaperRepository
from services.assessments.retiming import Retiming
from services.assessments.service import AssessmentService
from services.assessments.views import AssessmentViews
from services.campuses.lookup import PlaceLookup
from services.questions.area import QuestionArea
from services.questions.repository import QuestionRepository
from services.students.repository import StudentRepository


@dataclass(frozen=True, slots=True)
class AssessmentArea:
    """What the rest may use of tests."""

    stored: AssessmentRepository
    papers: Papers
    tests: AssessmentService
    publishing: Publishing

    @classmethod
    def over(
        cls,
        around: Surroundings,
        places: PlaceLookup,
        roll: StudentRepository,
        questions: QuestionRepository,
        bank: QuestionArea,
        retiming: Retiming | None = None,
    ) -> Self:
        """Return the area on one database; ``retiming`` answers for the attempts that run."""
        stored, papers = AssessmentRepository(around.store), PaperRepository(around.store)
        ground = AssessmentGround(stored, around.store, around.audit, AssessmentViews(places, roll))
        checks = PlanChecks(places, roll, questions, bank.modules)
        blueprints = Blueprints(questions, bank.selection)
        return cls(
            stored=stored,
            papers=Papers(papers),
            tests=AssessmentService(ground, checks, places, around.clock, retiming),
            publishing=Publishing(ground, blueprints, papers, bank.selection),
        )
