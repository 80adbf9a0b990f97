import time
from typing import Any

import pytest

from config.permissions import Role
from main import Runtime
from services.accounts.dependants import AdminDependants
from services.accounts.documents import UserStatus
from services.accounts.names import IdentifierTaken, NewAccount
from services.accounts.repository import UserRepository
from services.accounts.rights import MAY_SEND, OPERATIONS, SELF_SERVICE, Rights
from services.accounts.service import AccountNotFound, AccountService
from services.batch_jobs.documents import JobType
from tests.cast import PASSWORD
from tests.people import grown, invited
from utils.documents import new_id
from utils.problems import Invalid, Stale
from utils.scope import Scope
from utils.store import OutsideScope

NORTH = Scope.campus("north")
SOUTH = Scope.campus("south")


@pytest.fixture
def accounts(runtime: Runtime) -> AccountService:
    return runtime.services.accounts


def student(number: int, **more: Any) -> NewAccount:
    return NewAccount(
        id=new_id(), username=f"r{number}", role=Role.STUDENT, name="Asha Rao", campus_id="north", **more
    )


def test_five_hundred_accounts_are_made_in_a_moment(accounts: AccountService, db: Any) -> None:
    many = [student(n, mobile_number=f"+9198765{n:05}", email="family@example.com") for n in range(500)]

    begun = time.thread_time()
    accounts.create_many(NORTH, many)
    seconds = time.thread_time() - begun

    print(f"500 accounts in {seconds:.2f} s")
    assert seconds < 3.0
    assert db.users.count_documents({"campus_id": "north", "status": "invited"}) == 500
    assert len(accounts.taken([f"9198765{n:05}" for n in range(500)])) == 500


def test_accounts_of_another_campus_cannot_be_made(accounts: AccountService) -> None:
    with pytest.raises(OutsideScope):
        accounts.create_many(SOUTH, [student(1)])


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"mobile_number": "+919876543210"}, "mobile_number"),
        ({"username": "taken"}, "username"),
        ({"username": "9876543210"}, "username"),
    ],
)
def test_all_or_none_are_made_and_the_one_at_fault_is_named(
    accounts: AccountService, runtime: Runtime, db: Any, more: dict[str, str], field: str
) -> None:
    invited(runtime, "taken", campus_id="south", mobile_number="+919876543210")
    bad = NewAccount(**{**{s: getattr(student(2), s) for s in NewAccount.__slots__}, **more})

    with pytest.raises(IdentifierTaken) as caught:
        accounts.create_many(NORTH, [student(1), bad, student(3)])

    assert (caught.value.account_id, caught.value.field) == (bad.id, field)
    assert caught.value.extensions == {"errors": [{"pointer": f"/{field}", "detail": "is already in use"}]}
    assert db.users.count_documents({"campus_id": "north"}) == 0
    assert accounts.taken(["r1", "r3"]) == {}


def test_two_of_one_list_with_one_number_are_refused(accounts: AccountService) -> None:
    twins = [student(n, mobile_number="+919876543210") for n in (1, 2)]

    with pytest.raises(IdentifierTaken) as caught:
        accounts.create_many(NORTH, twins)

    assert caught.value.account_id == twins[1].id


def test_students_may_share_an_address_and_staff_may_not(accounts: AccountService) -> None:
    accounts.create_many(NORTH, [student(n, email="family@example.com") for n in (1, 2)])
    staff = [
        NewAccount(
            id=new_id(),
            username=f"a{n}",
            role=Role.CAMPUS_ADMIN,
            name="A",
            campus_id="north",
            email="office@example.com",
        )
        for n in (1, 2)
    ]

    with pytest.raises(IdentifierTaken) as caught:
        accounts.create_many(NORTH, staff)

    assert caught.value.field == "email"


def test_a_change_keeps_the_identifiers_in_step(accounts: AccountService, runtime: Runtime) -> None:
    user = invited(runtime, "r1", campus_id="north", mobile_number="+919876543210")

    changed = accounts.change(NORTH, user.id, name="Asha R", email=None, mobile_number="+919876543211")

    assert (changed.name, changed.name_key, changed.revision) == ("Asha R", "asha r", 2)
    assert accounts.taken(["919876543210", "919876543211", "r1"]) == {
        "919876543211": user.id,
        "r1": user.id,
    }


def test_a_text_that_looks_like_a_query_is_only_text(accounts: AccountService, runtime: Runtime) -> None:
    user = invited(runtime, "r1", campus_id="north")

    assert accounts.change(NORTH, user.id, name="$$ROOT", email=None, mobile_number=None).name == "$$ROOT"


def test_nobody_outside_the_scope_is_touched(accounts: AccountService, runtime: Runtime, db: Any) -> None:
    user = invited(runtime, "r1", campus_id="north")

    with pytest.raises(AccountNotFound):
        accounts.get(SOUTH, user.id)
    with pytest.raises(AccountNotFound):
        accounts.change(SOUTH, user.id, name="Mine", email=None, mobile_number=None)
    with pytest.raises(AccountNotFound):
        accounts.set_status(SOUTH, user.id, UserStatus.DEACTIVATED)
    accounts.remove_many(SOUTH, [user.id])

    assert accounts.get(NORTH, user.id) == user
    assert accounts.taken(["r1"]) == {"r1": user.id}


def test_a_scope_of_courses_reaches_its_campus(accounts: AccountService, runtime: Runtime) -> None:
    user = invited(runtime, "r1", campus_id="north")
    course_admin = Scope.courses("north", ("c1",))

    assert accounts.set_status(course_admin, user.id, UserStatus.DEACTIVATED).status == "deactivated"
    with pytest.raises(AccountNotFound):
        accounts.get(Scope.courses("south", ("c1",)), user.id)


def test_a_stale_update_is_refused(accounts: AccountService, runtime: Runtime) -> None:
    user = invited(runtime, "r1", campus_id="north")
    accounts.update(NORTH, user.id, {"name": "Asha R"}, revision=1)

    with pytest.raises(Stale):
        accounts.update(NORTH, user.id, {"name": "Asha S"}, revision=1)


def test_status_and_rights_make_a_new_version(accounts: AccountService, runtime: Runtime) -> None:
    user = grown(runtime, "r1", campus_id="north")

    assert accounts.update(NORTH, user.id, {"name": "Asha R"}).ver == 1
    assert accounts.update(NORTH, user.id, {"course_ids": ["c1"]}).ver == 2
    assert accounts.set_status(NORTH, user.id, UserStatus.DEACTIVATED).ver == 3


def test_what_fails_later_in_the_transaction_undoes_everything(
    accounts: AccountService, runtime: Runtime, db: Any
) -> None:
    def work() -> None:
        accounts.create_many(NORTH, [student(1)])
        raise LookupError

    with pytest.raises(LookupError):
        runtime.store.atomically(work)

    assert accounts.taken(["r1"]) == {}
    assert db.users.count_documents({"campus_id": "north"}) == 0


def test_the_first_superadmin_is_made_once(accounts: AccountService, db: Any) -> None:
    assert accounts.ensure_superadmin(" Root ", "short") is True
    assert accounts.ensure_superadmin("other", PASSWORD) is False

    [user] = db.users.find({"role": "superadmin"})
    assert (user["username"], user["status"], user["must_change_password"]) == ("root", "active", False)
    [row] = db.audit.find({"campus_id": None, "action": "admin.created"})
    assert (row["actor_id"], row["target"]) == ("operator", f"admin:{user['_id']}")


def test_in_production_the_first_password_is_strong_and_changed(runtime: Runtime, db: Any) -> None:
    accounts = strict_accounts(runtime)

    with pytest.raises(Invalid):
        accounts.ensure_superadmin("root", "short")
    assert accounts.ensure_superadmin("root", PASSWORD)

    assert db.users.find_one({"username": "root"})["must_change_password"] is True


def test_a_password_set_on_an_old_version_is_refused(runtime: Runtime) -> None:
    users, user = UserRepository(runtime.store), grown(runtime, "r1", campus_id="north")
    ended = runtime.services.accounts.set_status(NORTH, user.id, UserStatus.ACTIVE)

    assert users.set_password(NORTH, user.id, user.ver, "hash") is None
    assert not users.note_login(NORTH, user.id, user.ver, "d")
    assert users.note_login(NORTH, user.id, ended.ver, "d")
    changed = users.set_password(NORTH, user.id, ended.ver, "hash")
    assert changed is not None
    assert changed.ver == ended.ver + 1


def strict_accounts(runtime: Runtime) -> AccountService:
    from services.accounts.names import LoginNames
    from services.accounts.passwords import Passwords
    from services.accounts.principals import Demands, Principals
    from services.accounts.repository import AccountRepositories
    from services.accounts.sessions import Sessions
    from services.accounts.throttle import LoginThrottle
    from services.accounts.throttle_repository import ThrottleRepository
    from utils.clock import SystemClock
    from utils.offload import Offload

    stored, clock = AccountRepositories.over(runtime.store), SystemClock()
    settings = runtime.settings.model_copy(update={"app_env": "production"})
    principals = Principals(stored, clock, runtime.bus, Demands(900))
    sessions = Sessions(stored.sessions, runtime.store, principals, 14)
    passwords = Passwords(settings, Offload(1, 1))
    throttle = LoginThrottle(ThrottleRepository(runtime.store))
    names = LoginNames(stored, "IN")
    audit = runtime.services.authentication._audit
    return AccountService(stored, runtime.store, names, passwords, sessions, throttle, audit, clock)


def test_every_kind_of_job_says_who_may_send_it() -> None:
    assert MAY_SEND.keys() == set(JobType)


def test_rights_are_those_of_now(runtime: Runtime, db: Any) -> None:
    rights = Rights(UserRepository(runtime.store))
    admin = grown(runtime, "a1", Role.CAMPUS_ADMIN, campus_id="north")
    learner = grown(runtime, "r1", campus_id="north")

    def may_send(user_id: str) -> bool:
        return rights.may_send(user_id, JobType.CREDENTIALS, "north", ("c1",))

    def may_import(user_id: str) -> bool:
        return rights.may_import(user_id, "north", ("c1",))

    assert [may_send(one) for one in (admin.id, SELF_SERVICE, OPERATIONS)] == [True] * 3
    assert [may_import(one) for one in (admin.id, OPERATIONS)] == [True] * 2
    assert [may_send(one) for one in (learner.id, "f" * 24)] == [False] * 2
    assert [may_import(one) for one in (learner.id, SELF_SERVICE)] == [False] * 2

    db.users.update_one({"_id": admin.id}, {"$set": {"status": "deactivated"}})
    assert not may_send(admin.id)
    assert not may_import(admin.id)


@pytest.mark.parametrize(
    ("role", "more", "allowed"),
    [
        (Role.SUPERADMIN, {}, True),
        (Role.SUB_SUPERADMIN, {"modules": {"student_management": "write"}}, True),
        (Role.CAMPUS_ADMIN, {"campus_id": "north"}, True),
        (Role.CAMPUS_ADMIN, {"campus_id": "south"}, False),
        (Role.COURSE_ADMIN, {"campus_id": "north", "course_ids": ("c1", "c2", "c3")}, True),
        (Role.COURSE_ADMIN, {"campus_id": "north", "course_ids": ("c1",)}, False),
        (Role.COURSE_ADMIN, {"campus_id": "south", "course_ids": ("c1", "c2")}, False),
    ],
)
def test_rights_are_for_the_place_of_the_work(
    runtime: Runtime, role: Role, more: dict[str, Any], allowed: bool
) -> None:
    rights, courses = Rights(UserRepository(runtime.store)), ("c1", "c2")
    person = grown(runtime, "a1", role, **more)

    assert rights.may_send(person.id, JobType.CREDENTIALS, "north", courses) is allowed
    assert rights.may_import(person.id, "north", courses) is allowed


def test_what_is_the_platforms_own_is_beyond_a_campus(runtime: Runtime) -> None:
    rights = Rights(UserRepository(runtime.store))
    boss = grown(runtime, "b1", Role.SUPERADMIN)
    admin = grown(runtime, "a1", Role.CAMPUS_ADMIN, campus_id="north")

    assert rights.may_send(boss.id, JobType.CREDENTIALS, None, ())
    assert not rights.may_send(admin.id, JobType.CREDENTIALS, None, ())


def test_places_know_how_many_admins_they_have(runtime: Runtime) -> None:
    counted = AdminDependants(UserRepository(runtime.store))
    invited(runtime, "a1", Role.CAMPUS_ADMIN, campus_id="north")
    invited(runtime, "a2", Role.COURSE_ADMIN, campus_id="north", course_ids=("c1", "c2"))
    invited(runtime, "r1", campus_id="north", course_ids=("c1",))

    assert counted.counts("campus", "north", "north") == {"admins": 2}
    assert counted.counts("course", "c1", "north") == {"admins": 1}
    assert counted.counts("course", "c3", "north") == {"admins": 0}
    assert counted.counts("batch", "b1", "north") == {}
