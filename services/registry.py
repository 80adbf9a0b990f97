"""The services that an app holds, by name."""

from dataclasses import dataclass

from services.access.service import AccessService
from services.accounts.admins import AdminService
from services.accounts.authentication import AuthenticationService
from services.accounts.credentials import CredentialService, PasswordChoice
from services.accounts.forgotten import ForgottenPasswords
from services.accounts.own_factor import OwnFactor
from services.accounts.own_sessions import OwnSessions
from services.accounts.service import AccountService
from services.accounts.trials import TemplateTrials
from services.assessments.audience import Audiences
from services.assessments.exams import StudentExams
from services.assessments.previewing import Previews
from services.assessments.publishing import Publishing
from services.assessments.service import AssessmentService
from services.assessments.telling import ExamMessages
from services.attempts.answers import AnswerService
from services.attempts.closing import AttemptClosing
from services.attempts.plays import Plays
from services.attempts.recordings import Recordings
from services.attempts.service import AttemptService
from services.attempts.starting import AttemptStarts
from services.audit.log import AuditLog
from services.audit.service import AuditService
from services.batch_jobs.channel_service import ChannelService
from services.batch_jobs.control import BatchJobControl
from services.batch_jobs.dead_letters import DeadLetters
from services.batch_jobs.delivery_log import DeliveryLog
from services.batch_jobs.events import EventService
from services.batch_jobs.report import Reports
from services.batch_jobs.service import BatchJobService
from services.breakers.service import BreakerService
from services.campuses.batches import BatchService
from services.campuses.service import CampusService, CourseService
from services.dashboards.history import StudentHistory
from services.dashboards.service import DashboardService
from services.dashboards.student import StudentDashboards
from services.exam_room.orders import ExamOrders
from services.exam_room.rehearsal import Rehearsals
from services.exam_room.seats import ExamSeats
from services.exam_room.status import ExamRoom
from services.features.service import FeatureService
from services.files.service import FileService
from services.idempotency.service import IdempotencyService
from services.imports.service import ImportService
from services.imports.undo import ImportUndo
from services.notifications.editing import TemplateEditing
from services.notifications.inbox import InboxService
from services.notifications.service import TemplateService
from services.notifications.suppression import SuppressionService
from services.persons.service import PersonService
from services.ports import Outbox, SignedFiles
from services.practice.feedback import AnswerFeedback
from services.practice.listing import PracticeList
from services.practice.overrides import PracticeOverrides
from services.practice.progress import PracticeProgress
from services.processes.service import ProcessService
from services.questions.bank import QuestionBank
from services.questions.exchange.exporting import QuestionExports
from services.questions.exchange.importing import QuestionImports
from services.questions.modules import ModuleService
from services.questions.selection import QuestionSelection
from services.questions.trial import QuestionTrials
from services.students.accommodations import StudentAccommodations
from services.students.credentials import StudentCredentials
from services.students.removal import StudentRemoval
from services.students.second_factors import StudentSecondFactors
from services.students.service import StudentService
from services.students.unlocking import StudentUnlocking


@dataclass(frozen=True, slots=True)
class Services:
    access: AccessService
    accounts: AccountService
    admins: AdminService
    answer_feedback: AnswerFeedback
    assessments: AssessmentService
    assessment_publishing: Publishing
    answers: AnswerService
    attempt_closing: AttemptClosing
    attempt_starts: AttemptStarts
    attempts: AttemptService
    audiences: Audiences
    paper_previews: Previews
    audit: AuditService
    audit_log: AuditLog
    authentication: AuthenticationService
    batch_job_control: BatchJobControl
    batch_job_reports: Reports
    batch_jobs: BatchJobService
    batches: BatchService
    breakers: BreakerService
    channels: ChannelService
    campuses: CampusService
    courses: CourseService
    credentials: CredentialService
    dashboards: DashboardService
    dead_letters: DeadLetters
    features: FeatureService
    files: FileService
    delivery_log: DeliveryLog
    events: EventService
    exam_messages: ExamMessages
    exam_orders: ExamOrders
    exam_room: ExamRoom
    exam_seats: ExamSeats
    forgotten: ForgottenPasswords
    idempotency: IdempotencyService
    imports: ImportService
    import_undo: ImportUndo
    local_files: SignedFiles | None  # none where they lie in a bucket
    inbox: InboxService
    outbox: Outbox | None  # none where messages really leave
    own_factor: OwnFactor
    own_sessions: OwnSessions
    password_choice: PasswordChoice
    persons: PersonService
    practice_list: PracticeList
    practice_overrides: PracticeOverrides
    practice_progress: PracticeProgress
    processes: ProcessService
    question_exports: QuestionExports
    question_imports: QuestionImports
    question_modules: ModuleService
    question_selection: QuestionSelection
    question_trials: QuestionTrials
    questions: QuestionBank
    student_accommodations: StudentAccommodations
    plays: Plays
    recordings: Recordings
    rehearsals: Rehearsals
    student_dashboards: StudentDashboards
    student_history: StudentHistory
    student_credentials: StudentCredentials
    student_exams: StudentExams
    student_removal: StudentRemoval
    student_unlocking: StudentUnlocking
    student_second_factors: StudentSecondFactors
    students: StudentService
    suppressions: SuppressionService
    template_editing: TemplateEditing
    template_trials: TemplateTrials
    templates: TemplateService
