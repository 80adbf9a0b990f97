"""The areas of the domain, put together over the base and the adapters."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from assembly.base import Base
from assembly.outside import Outside
from integrations.no_scanner import NoScanner
from services.access.service import AccessService
from services.accounts.area import AccountArea, Surroundings
from services.assessments.area import AssessmentArea
from services.assessments.dependants import AssessmentsDependOn
from services.assessments.repository import AssessmentRepository
from services.attempts.area import AttemptArea
from services.attempts.history_repository import HistoryRepository
from services.attempts.personal_repository import PersonalAttempts
from services.attempts.sittings_repository import SittingsRepository
from services.batch_jobs.area import BatchJobArea
from services.batch_jobs.delivery_log import DeliveryLog
from services.batch_jobs.event_repository import EventRepository
from services.batch_jobs.events import EventService
from services.batch_jobs.flow import Flow
from services.batch_jobs.log_repository import LogRepository
from services.breakers.service import BreakerService
from services.campuses.lookup import PlaceLookup
from services.campuses.repository import Places
from services.dashboards.history import StudentHistory
from services.dashboards.service import Counted, DashboardService
from services.dashboards.student import Parts, StudentDashboards
from services.exam_room.area import ExamRoomArea
from services.exam_room.retiming import AttemptRetiming
from services.features.repository import SwitchRepository
from services.features.service import FeatureService
from services.features.switches import FeatureSwitches
from services.files.area import FileArea
from services.files.personal_repository import PersonalRecordings
from services.freshness.area import FreshnessArea
from services.idempotency.repository import IdempotencyRepository
from services.idempotency.service import IdempotencyService
from services.imports.area import ImportArea
from services.notifications.area import NotificationArea
from services.persons.area import person_service
from services.persons.service import PersonService
from services.ports import Channel
from services.practice.area import PracticeArea, standings_over
from services.practice.gate import PracticeGate
from services.practice.personal_repository import PersonalPractice
from services.processes.repository import ProcessRepository
from services.processes.service import ProcessService
from services.questions.area import QuestionArea
from services.questions.dependants import QuestionsDependOn
from services.questions.repository import QuestionRepository
from services.registry import Services
from services.results.area import ResultArea
from services.results.personal_repository import PersonalResults
from services.students.area import StudentArea
from utils.offload import Offload

TEMPLATES: Final = Path(__file__).resolve().parent.parent / "templates"


@dataclass(frozen=True, slots=True)
class Areas:
    """Every area. Earlier ones know nothing of later ones, but through ports."""

    fresh: FreshnessArea
    idempotency: IdempotencyService
    messages: NotificationArea
    jobs: BatchJobArea
    flow: Flow
    events: EventService
    people: AccountArea
    access: AccessService
    counted: Counted
    students: StudentArea
    rosters: ImportArea
    features: FeatureService
    files: FileArea
    questions: QuestionArea
    practice: PracticeArea
    results: ResultArea
    assessments: AssessmentArea
    attempts: AttemptArea
    exam_room: ExamRoomArea
    persons: PersonService
    processes: ProcessRepository
    breakers: BreakerService

    @classmethod
    def over(cls, base: Base, outside: Outside) -> Self:
        """Return the areas of one server process."""
        settings, store, clock, audit = base.settings, base.store, base.clock, base.audit
        engine, feed, contents = outside.engine, outside.feed, outside.contents
        fresh = FreshnessArea.over(settings, store, base.bus, clock, outside.shared_tier)
        places = Places.over(store, fresh.cache)
        lookup = PlaceLookup(places)
        messages = NotificationArea.over(
            settings, store, clock, audit, feed, outside.messengers, lookup, TEMPLATES
        )
        jobs = BatchJobArea.over(
            settings, store, clock, audit, engine, messages.texts, messages.senders, feed
        )
        idempotency = IdempotencyService(IdempotencyRepository(store), store, clock)
        switched = SwitchRepository(store)
        switches = FeatureSwitches(switched, clock, base.bus)
        around = Surroundings(
            settings=settings,
            store=store,
            clock=clock,
            offload=Offload(len(os.sched_getaffinity(0)), settings.hash_queue, begun=base.figures.hash_begun),
            audit=audit,
            idempotency=idempotency,
            batch_jobs=jobs.service,
            engine=engine,
            renderer=messages.renderer,
            places=lookup,
            bus=base.bus,
            templates=messages.templates,
            switches=switches,
            texts=messages.texts,
            inbox=messages.senders[Channel.INBOX],
        )
        people = AccountArea.over(around)
        personal = (
            PersonalPractice(store),
            PersonalResults(store),
            PersonalAttempts(store),
            PersonalRecordings(store),
        )
        questions = QuestionRepository(store)
        with_questions = QuestionsDependOn(questions)
        with_tests = AssessmentsDependOn(AssessmentRepository(store))
        students = StudentArea.over(around, people, places, lookup, (with_questions, with_tests))
        files = FileArea.over(around, lookup, contents, NoScanner(), (with_questions,))
        rosters = ImportArea.over(around, people, students, lookup, contents, feed)
        bank = QuestionArea.over(around, questions, files.files)
        sittings = SittingsRepository(store)
        results = ResultArea.over(around, outside.runner, outside.marker)
        retiming = AttemptRetiming(engine, clock)
        tests = AssessmentArea.over(around, lookup, students.roll, questions, bank, sittings, retiming)
        gate = PracticeGate(standings_over(store, bank.modules))
        attempts = AttemptArea.over(around, tests, students.roll, results.scoring, files.files, feed, gate)
        processes = ProcessRepository(store)
        return cls(
            fresh=fresh,
            idempotency=idempotency,
            messages=messages,
            jobs=jobs,
            flow=Flow.over(settings, store, clock, audit, messages.senders, outside.pacer, lookup),
            events=EventService(EventRepository(store), messages.suppressions, jobs.announcer, clock),
            people=people,
            access=AccessService(people.users, people.accounts, audit, store),
            students=students,
            rosters=rosters,
            counted=Counted(people.users, places, students.roll, jobs.stored.jobs, rosters.stored),
            features=FeatureService(switched, switches, audit, store),
            files=files,
            questions=bank,
            practice=PracticeArea.over(around, students, bank.modules, (attempts.ground, results), feed),
            results=results,
            persons=person_service(around, people, students, personal),
            assessments=tests,
            attempts=attempts,
            exam_room=ExamRoomArea.over(
                around, people, places, students, tests, attempts.closing, results.scoring, feed
            ),
            processes=processes,
            breakers=BreakerService(base.breakers, ProcessService(processes), store, audit, base.bus),
        )

    def services(self, base: Base, outside: Outside) -> Services:
        """Return what routes and commands ask for, by name."""
        people, students, jobs, messages = self.people, self.students, self.jobs, self.messages
        return Services(
            access=self.access,
            accounts=people.accounts,
            assessments=self.assessments.tests,
            assessment_publishing=self.assessments.publishing,
            audiences=self.assessments.audiences,
            paper_previews=self.assessments.previews,
            student_accommodations=students.accommodations,
            student_exams=self.assessments.exams,
            admins=people.admins,
            answer_feedback=self.practice.feedback,
            answers=self.attempts.answers,
            attempt_closing=self.attempts.closing,
            attempt_starts=self.attempts.starts,
            attempts=self.attempts.attempts,
            audit=base.audit,
            audit_log=base.audits.log(people.accounts.names),
            authentication=people.authentication,
            batch_job_control=jobs.control,
            batch_job_reports=jobs.reports,
            batch_jobs=jobs.service,
            batches=students.batches,
            breakers=self.breakers,
            channels=self.flow.service,
            campuses=students.campuses,
            courses=students.courses,
            credentials=people.credentials,
            dashboards=DashboardService(self.counted, base.processor, base.clock),
            dead_letters=jobs.dead_letters,
            delivery_log=DeliveryLog(LogRepository(base.store), base.clock),
            events=self.events,
            exam_messages=self.assessments.messages,
            exam_orders=self.exam_room.orders,
            exam_room=self.exam_room.room,
            exam_seats=self.exam_room.seats,
            features=self.features,
            files=self.files.files,
            forgotten=people.forgotten,
            idempotency=self.idempotency,
            imports=self.rosters.imports,
            import_undo=self.rosters.undo,
            local_files=outside.local_files,
            inbox=messages.inbox,
            outbox=outside.outbox,
            own_factor=people.own_factor,
            own_sessions=people.own_sessions,
            password_choice=people.password_choice,
            persons=self.persons,
            practice_list=self.practice.tests,
            practice_overrides=self.practice.overrides,
            practice_progress=self.practice.progress,
            processes=ProcessService(self.processes),
            question_exports=self.questions.exports,
            question_imports=self.questions.imports,
            question_modules=self.questions.modules,
            question_selection=self.questions.selection,
            question_trials=self.questions.trials,
            questions=self.questions.bank,
            plays=self.attempts.plays,
            recordings=self.attempts.recordings,
            rehearsals=self.exam_room.rehearsals,
            student_dashboards=self._student_dashboards(base),
            student_history=self._history(base),
            student_credentials=students.credentials,
            student_removal=students.removal,
            student_unlocking=students.unlocking,
            student_second_factors=students.second_factors,
            students=students.students,
            suppressions=messages.suppressions,
            template_editing=messages.editing,
            template_trials=people.trials,
            templates=messages.templates,
        )

    def _history(self, base: Base) -> StudentHistory:
        store = base.store
        return StudentHistory(HistoryRepository(store), AssessmentRepository(store), self.results.results)

    def _student_dashboards(self, base: Base) -> StudentDashboards:
        exams, progress = self.assessments.exams, self.practice.progress
        parts = Parts(exams, progress, self._history(base), self.messages.inbox)
        return StudentDashboards(parts, base.processor, base.clock)
