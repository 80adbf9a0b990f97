"""The accounts area put together: its classes fill no role that another could fill."""

from dataclasses import dataclass
from typing import Self

from config.settings import Settings
from services.accounts.admins import AdminService
from services.accounts.authentication import AuthenticationService, Switches
from services.accounts.credentials import CredentialService, PasswordChoice
from services.accounts.dependants import AdminDependants
from services.accounts.door import Door
from services.accounts.forgotten import ForgottenPasswords
from services.accounts.links import OneTimeLinks
from services.accounts.messages import CredentialComposer, CredentialMail
from services.accounts.names import LoginNames
from services.accounts.notices import AccountNotices, NoticeComposer, Ways
from services.accounts.own_factor import OwnFactor
from services.accounts.own_sessions import OwnSessions
from services.accounts.passwords import Passwords
from services.accounts.personal_repository import PersonalAccounts
from services.accounts.principals import Demands, Principals
from services.accounts.repository import AccountRepositories, UserRepository
from services.accounts.rights import Rights
from services.accounts.seats import Seats
from services.accounts.second_factor import SecondFactors
from services.accounts.service import AccountService
from services.accounts.sessions import Sessions
from services.accounts.throttle import LoginThrottle
from services.accounts.throttle_repository import ThrottleRepository
from services.accounts.trials import TemplateTrials, TrialComposer
from services.audit.service import AuditService
from services.batch_jobs.service import BatchJobService
from services.idempotency.service import IdempotencyService
from services.notifications.rendering import Renderer
from services.notifications.service import TemplateService
from services.notifications.texts import MessageTexts
from services.ports import Bus, JobEngine, MessageSender, OrganisationLookup
from utils.clock import Clock
from utils.offload import Offload
from utils.store import Store


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the accounts need of the rest."""

    settings: Settings
    store: Store
    clock: Clock
    offload: Offload
    audit: AuditService
    idempotency: IdempotencyService
    batch_jobs: BatchJobService
    engine: JobEngine
    renderer: Renderer
    places: OrganisationLookup
    bus: Bus
    templates: TemplateService
    switches: Switches
    texts: MessageTexts
    inbox: MessageSender


@dataclass(frozen=True, slots=True)
class AccountArea:
    """What the rest may use of the accounts."""

    accounts: AccountService
    admins: AdminService
    authentication: AuthenticationService
    composer: CredentialComposer
    credentials: CredentialService
    dependants: AdminDependants
    forgotten: ForgottenPasswords
    links: OneTimeLinks
    own_factor: OwnFactor
    own_sessions: OwnSessions
    notice_composer: NoticeComposer
    notices: AccountNotices
    personal: PersonalAccounts
    password_choice: PasswordChoice
    rights: Rights
    trial_composer: TrialComposer
    trials: TemplateTrials
    users: UserRepository

    @classmethod
    def over(cls, around: Surroundings) -> Self:
        """Return the area on one database."""
        settings, store, clock, audit = around.settings, around.store, around.clock, around.audit
        stored = AccountRepositories.over(store)
        names = LoginNames(stored, settings.default_country)
        passwords = Passwords(settings, around.offload)
        choice = PasswordChoice(passwords, around.places)
        throttle = LoginThrottle(ThrottleRepository(store))
        factors = SecondFactors(stored.users, settings.token_key, settings.product_name, clock)
        door = Door(stored.users, names, passwords, throttle, factors, clock)
        principals = Principals(stored, clock, around.bus, Demands.of(settings))
        ways = Ways(around.batch_jobs, around.inbox, around.texts, around.renderer, around.idempotency)
        notices = AccountNotices(stored.users, throttle, ways, around.engine, audit, clock)
        sessions = Sessions(stored.sessions, store, principals, settings.refresh_token_days)
        links = OneTimeLinks(stored.links, stored.users, settings.token_key, settings.link_base, clock)
        mail = CredentialMail(links, around.batch_jobs)
        accounts = AccountService(stored, store, names, passwords, sessions, throttle, audit, clock)
        seats = Seats(around.places)
        return cls(
            accounts=accounts,
            admins=AdminService(stored.users, accounts, names, mail, seats, audit, store),
            authentication=AuthenticationService(
                stored.users, store, door, sessions, principals, around.switches, notices, audit
            ),
            composer=CredentialComposer(links, around.renderer),
            credentials=CredentialService(
                stored.users, store, door, choice, throttle, links, sessions, audit
            ),
            dependants=AdminDependants(stored.users),
            forgotten=ForgottenPasswords(names, throttle, around.engine, around.idempotency, mail),
            links=links,
            own_factor=OwnFactor(stored.users, store, door, factors, sessions, audit),
            own_sessions=OwnSessions(sessions, stored.users, audit, store),
            notice_composer=NoticeComposer(around.renderer),
            notices=notices,
            personal=PersonalAccounts(store, stored.identifiers, stored.links, sessions),
            password_choice=choice,
            rights=Rights(stored.users),
            trial_composer=TrialComposer(around.templates, around.renderer),
            trials=TemplateTrials(stored.users, around.templates, around.batch_jobs, store, audit, clock),
            users=stored.users,
        )
