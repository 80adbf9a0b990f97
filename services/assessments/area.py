"""Tests put together: their classes fill no role that another could fill."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from services.accounts.area import Surroundings
from services.assessments.audience import Audiences
from services.assessments.blueprints import Blueprints
from services.assessments.checking import PlanChecks
from services.assessments.exams import Sittings, StudentExams
from services.assessments.ground import AssessmentGround
from services.assessments.messages import ExamComposer
from services.assessments.papers import Papers
from services.assessments.previewing import Previews
from services.assessments.publishing import Publishing
from services.assessments.reminding import ExamReminders
from services.assessments.repository import AssessmentRepository, PaperRepository
from services.assessments.retiming import Retiming
from services.assessments.service import AssessmentService
from services.assessments.telling import ExamMessages, Reach
from services.assessments.views import AssessmentViews
from services.batch_jobs.composing import Composer
from services.batch_jobs.documents import JobType
from services.campuses.lookup import PlaceLookup
from services.questions.area import QuestionArea
from services.questions.repository import QuestionRepository
from services.students.repository import StudentRepository


@dataclass(frozen=True, slots=True)
class AssessmentArea:
    """What the rest may use of tests."""

    stored: AssessmentRepository
    ground: AssessmentGround
    papers: Papers
    tests: AssessmentService
    publishing: Publishing
    audiences: Audiences
    previews: Previews
    exams: StudentExams
    messages: ExamMessages
    reminders: ExamReminders
    composers: Mapping[JobType, Composer]

    @classmethod
    def over(
        cls,
        around: Surroundings,
        places: PlaceLookup,
        roll: StudentRepository,
        questions: QuestionRepository,
        bank: QuestionArea,
        sittings: Sittings,
        retiming: Retiming | None = None,
    ) -> Self:
        """Return the area on one database; ``sittings`` and ``retiming`` answer for the attempts."""
        stored, papers = AssessmentRepository(around.store), PaperRepository(around.store)
        ground = AssessmentGround(stored, around.store, around.audit, AssessmentViews(places, roll))
        checks = PlanChecks(places, roll, questions, bank.modules)
        blueprints, kept = Blueprints(questions, bank.selection), Papers(papers)
        messages = ExamMessages(ground, Reach(roll, places, sittings, around.batch_jobs, around.engine))
        return cls(
            stored=stored,
            ground=ground,
            papers=kept,
            tests=AssessmentService(ground, checks, places, around.clock, retiming),
            publishing=Publishing(ground, blueprints, papers, bank.selection, sittings),
            audiences=Audiences(ground, roll, places),
            previews=Previews(ground, blueprints, kept),
            messages=messages,
            reminders=ExamReminders(ground, messages),
            composers={
                kind: ExamComposer(
                    around.renderer, stored, sittings, only_not_begun=kind is JobType.TEST_REMINDER
                )
                for kind in (JobType.TEST_NOTIFICATION, JobType.TEST_REMINDER)
            },
            exams=StudentExams(stored, roll, sittings, around.clock),
        )
