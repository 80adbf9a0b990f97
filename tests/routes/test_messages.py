"""/email_management and /sms_management: single messages, figures, and to whom nothing is sent any more."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.batch_jobs.documents import Delivery, DeliveryState
from services.batch_jobs.log_repository import LogRepository
from services.notifications.documents import Suppression
from services.ports import Channel
from tests.cast import Cast
from tests.people import bearer
from utils.documents import new_id
from utils.paging import Keyset, PageQuery
from utils.scope import Scope

EMAILS, TEXTS = "/email_management/deliveries", "/sms_management/deliveries"
STATISTICS = "/email_management/statistics"
SUPPRESSIONS = "/email_management/suppressions"
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def put(
    db: Any, campus_id: str | None, state: str = "sent", at: datetime = NOON, number: int = 1, **more: Any
) -> list[str]:
    """Store deliveries as a sub-batch leaves them; return their ids."""
    rows = []
    for _ in range(number):
        rows.append(
            Delivery(
                **{
                    "job_id": "0" * 24,
                    "sub_batch_id": new_id(),
                    "campus_id": campus_id,
                    "recipient_id": new_id(),
                    "channel": Channel.EMAIL,
                    "number": 0,
                    "name": "Asha Rao",
                    "to": "asha@example.com",
                    "nonce": "nonce-canary",
                    "params": {"username": "params-canary"},
                    "unit": "unit-canary",
                    "state": DeliveryState(state),
                    "history": ({"state": "pending", "at": at},),
                    "created_at": at,
                    "updated_at": at,
                    **more,
                }
            ).to_mongo()
        )
    db["deliveries"].insert_many(rows)
    return [row["_id"] for row in rows]


def test_a_message_is_shown_with_all_that_became_of_it_but_without_text_and_address(
    cast: Cast, db: Any
) -> None:
    # Given a message whose events came out of order
    history = (
        {"state": "pending", "at": NOON},
        {"state": "sending", "at": NOON + timedelta(seconds=1)},
        {"state": "complained", "at": NOON + timedelta(hours=2), "event": "complained", "reason": "spam"},
        {"state": "delivered", "at": NOON + timedelta(hours=1), "event": "delivered"},
    )
    found: dict[str, Any] = {"attempts": 1, "provider_message_id": "<a@b>", "history": history, "reported": 5}
    [delivery_id] = put(db, cast.north.id, "complained", **found)

    # When the campus' admin looks at it
    shown = cast.north.admin.get(f"{EMAILS}/{delivery_id}")

    # Then its history is in the order of what happened
    assert [note["state"] for note in shown["history"]] == ["pending", "sending", "delivered", "complained"]
    assert shown["history"][3] == {
        "state": "complained",
        "at": "2026-11-02T14:00:00Z",
        "event": "complained",
        "reason": "spam",
    }
    assert (shown["attempts"], shown["provider_message_id"], shown["name"]) == (1, "<a@b>", "Asha Rao")
    assert "canary" not in str(shown) and "example.com" not in str(shown)

    # And for another campus, and over another channel, there is no such message
    cast.south.admin.get(f"{EMAILS}/{delivery_id}", status=404)
    cast.north.admin.get(f"{TEXTS}/{delivery_id}", status=404)
    cast.superadmin.get(f"{EMAILS}/{delivery_id}")


def test_messages_are_found_by_person_job_and_state_a_page_at_a_time(cast: Cast, db: Any) -> None:
    north, south = cast.north, cast.south
    db["deliveries"].delete_many({})  # the invitations of the cast
    person, job_id = new_id(), new_id()
    for minute in range(7):
        state = "failed" if minute % 2 else "sent"
        put(db, north.id, state, NOON + timedelta(minutes=minute // 2), job_id=job_id)
    put(db, north.id, "sent", recipient_id=person, job_id=job_id)
    put(db, north.id, "sent", recipient_id=person, channel=Channel.SMS, job_id=job_id)
    put(db, south.id, "failed", number=3)
    put(db, None, "failed")

    def ids(who: Any, query: str = "", path: str = EMAILS) -> list[str]:
        found, cursor = [], ""
        while True:
            page = who.get(f"{path}?limit=3{query}{cursor}")
            found += [row["id"] for row in page["items"]]
            if page["next_cursor"] is None:
                assert len(found) == len(set(found))
                return found
            cursor = f"&cursor={page['next_cursor']}"

    boss = cast.superadmin
    assert [len(ids(who)) for who in (north.admin, south.admin, boss)] == [8, 3, 12]
    assert [len(ids(who, "&state=failed")) for who in (north.admin, south.admin, boss)] == [3, 3, 7]
    assert [len(ids(who, f"&job_id={job_id}")) for who in (north.admin, south.admin, boss)] == [8, 0, 8]
    assert len(ids(boss, f"&job_id={job_id}&state=failed")) == 3
    assert len(ids(north.admin, f"&recipient_id={person}")) == 1
    assert len(ids(north.admin, f"&recipient_id={person}&job_id={job_id}&state=sent")) == 1
    assert ids(north.admin, f"&recipient_id={person}&state=failed") == []
    assert len(ids(north.admin, path=TEXTS)) == 1
    listed = north.admin.get(f"{EMAILS}?limit=200")["items"]
    assert [row["created_at"] for row in listed] == sorted((r["created_at"] for r in listed), reverse=True)


@pytest.mark.parametrize("state", [None, "failed"])
@pytest.mark.parametrize("sort", ["-created_at", "created_at"])
def test_every_list_is_read_in_the_order_of_an_index(
    runtime: Any, looking: Any, sort: str, state: str | None
) -> None:
    put(looking, "c1", number=5)
    log = LogRepository(runtime.store)
    filters = {"state": state} if state else {}
    for scope in (Scope.everything(), Scope.campus("c1")):
        for cursor in (None, "beyond"):
            query = PageQuery(limit=2, sort=sort)
            keyset = Keyset.of(query, {"created_at": "created_at"}, "-created_at")
            if cursor:
                keyset = Keyset(keyset.sort, keyset.field, keyset.direction, 2, (NOON, "f" * 24))
            looking.command("profile", 2)
            try:
                log.list_deliveries(scope, Channel.EMAIL, filters, keyset)
            finally:
                looking.command("profile", 0)
            wanted = {"ns": f"{looking.name}.deliveries"}
            [seen] = looking["system.profile"].find(wanted, hint={"$natural": 1})
            looking["system.profile"].drop()
            assert not seen.get("hasSortStage"), (scope.label, seen["planSummary"])
            assert "COLLSCAN" not in seen["planSummary"]


def test_figures_tell_of_each_day_and_of_the_actors_place_only(cast: Cast, db: Any) -> None:
    # Given messages of two days, one of them at the last moment
    north = cast.north
    last = datetime(2026, 11, 2, 23, 59, 59, 999000, tzinfo=UTC)
    for state, number in {"delivered": 6, "sent": 2, "bounced": 1, "complained": 1, "skipped": 3}.items():
        put(db, north.id, state, number=number)
    put(db, north.id, "failed", last)
    put(db, north.id, "unknown", datetime(2026, 11, 3, tzinfo=UTC))
    put(db, cast.south.id, "delivered", number=5)
    put(db, north.id, "delivered", channel=Channel.SMS)
    put(db, north.id, "delivered", NOON - timedelta(days=30))

    # When each asks for these days
    days = "?from=2026-11-02&to=2026-11-03"
    ours, theirs, all_in_all = (
        who.get(STATISTICS + days) for who in (north.admin, cast.south.admin, cast.superadmin)
    )

    # Then the figures are those of their place
    assert (ours["from"], ours["to"], ours["channel"]) == ("2026-11-02", "2026-11-03", "email")
    assert ours["counts"] == {
        "pending": 0,
        "sending": 0,
        "sent": 2,
        "delivered": 6,
        "bounced": 1,
        "complained": 1,
        "failed": 1,
        "unknown": 1,
        "skipped": 3,
    }
    assert ours["rates"] == {
        "delivered": 0.7,
        "bounced": 0.1,
        "complained": 0.1429,
        "failed": 0.0833,
        "unknown": 0.0833,
    }
    assert [(day["date"], day["failed"], day["unknown"]) for day in ours["days"]] == [
        ("2026-11-02", 1, 0),
        ("2026-11-03", 0, 1),
    ]
    assert (ours["total"], theirs["total"], all_in_all["total"]) == (15, 5, 20)
    assert cast.north.admin.get("/sms_management/statistics" + days)["total"] == 1


def test_nothing_is_divided_by_nothing(cast: Cast) -> None:
    shown = cast.south.admin.get(f"{STATISTICS}?from=2020-01-01&to=2020-01-01")

    assert shown["rates"] == dict.fromkeys(("delivered", "bounced", "complained", "failed", "unknown"))
    assert (shown["total"], shown["days"]) == (0, [])


def test_without_days_the_last_thirty_are_counted(cast: Cast) -> None:
    admin, before = cast.south.admin, datetime.now(UTC).date()
    shown = admin.get(STATISTICS)

    today = date.fromisoformat(shown["to"])
    assert before <= today <= datetime.now(UTC).date()
    assert shown["from"] == (today - timedelta(days=29)).isoformat()


@pytest.mark.parametrize(
    "query",
    ["?from=2026-11-03&to=2026-11-02", "?from=2026-01-01&to=2026-12-31", "?from=then", "?since=2026-01-01"],
)
def test_days_that_make_no_sense_are_refused(cast: Cast, query: str) -> None:
    cast.north.admin.get(STATISTICS + query, status=422)


@pytest.mark.parametrize("query", ["?state=lost", "?job_id[$ne]=1", "?sort=name", "?cursor=x"])
def test_questions_that_make_no_sense_are_refused(cast: Cast, query: str) -> None:
    cast.north.admin.get(EMAILS + query, status=422)


@pytest.fixture
def suppressed(cast: Cast, runtime: Any) -> dict[str, str]:
    """The same address, dead for both campuses and for the platform; and a number."""
    made = {}
    places = {"north": cast.north.id, "south": cast.south.id, "platform": None, "sms": cast.north.id}
    for name, campus_id in places.items():
        suppression = Suppression(
            campus_id=campus_id,
            channel=Channel.SMS if name == "sms" else Channel.EMAIL,
            address="Parent@Example.com",
            reason="hard bounced",
            recipient_id=new_id(),
            name=f"Child {name}",
            delivery_id=new_id(),
            since=NOON,
        )
        runtime.services.suppressions.add(suppression)
        runtime.services.suppressions.add(suppression.model_copy(update={"id": new_id(), "reason": "later"}))
        made[name] = suppression.id
    return made


def test_each_campus_sees_its_own_suppressions_and_never_an_address(
    cast: Cast, suppressed: dict[str, str]
) -> None:
    def names(who: Any, channel: str = "email") -> list[str]:
        return [row["name"] for row in who.get(f"/{channel}_management/suppressions")["items"]]

    assert names(cast.north.admin) == ["Child north"]
    assert names(cast.south.admin) == ["Child south"]
    assert names(cast.superadmin) == ["Child platform", "Child south", "Child north"]
    assert names(cast.north.admin, "sms") == ["Child sms"]
    [shown] = cast.north.admin.get(SUPPRESSIONS)["items"]
    assert shown["reason"] == "hard bounced"
    assert "example.com" not in str(shown).lower()


def test_lifting_is_audited_and_stays_in_the_own_campus(
    cast: Cast, db: Any, runtime: Any, suppressed: dict[str, str]
) -> None:
    # When somebody lifts what is not theirs, or over the wrong channel
    for row in (suppressed["south"], suppressed["platform"], suppressed["sms"], "0" * 24):
        cast.north.admin.delete(f"{SUPPRESSIONS}/{row}", status=404)

    # Then nothing is lifted; and what is theirs is
    cast.north.admin.delete(f"{SUPPRESSIONS}/{suppressed['north']}")
    cast.north.admin.delete(f"{SUPPRESSIONS}/{suppressed['north']}", status=404)
    left = runtime.services.suppressions.among
    assert left(cast.north.id, Channel.EMAIL, ["parent@example.com"]) == {}
    assert left(cast.south.id, Channel.EMAIL, ["parent@example.com"]) != {}

    # And it is known who did it
    [noted] = db["audit"].find({"action": "suppression.lifted", "campus_id": cast.north.id})
    assert noted["actor_id"] == cast.north.admin.id
    assert noted["target"] == f"suppression:{suppressed['north']}"
    assert "example.com" not in str(noted).lower()


def test_a_message_goes_to_a_lifted_address_again_and_to_no_suppressed_one(
    cast: Cast, runtime: Any, outbox: Any, at_rest: Any
) -> None:
    # Given a student whose address is dead
    cast.student(cast.north, "R1")
    [student] = cast.north.admin.get("/student_management/students")["items"]
    at_rest()
    before = len(outbox())
    dead = Suppression(
        campus_id=cast.north.id,
        channel=Channel.EMAIL,
        address="R1@EXAMPLE.COM",
        reason="complained",
        recipient_id=student["id"],
        name=student["name"],
        delivery_id=new_id(),
        since=NOON,
    )
    runtime.services.suppressions.add(dead)

    # When credentials are sent
    sending = {"student_ids": [student["id"]], "channels": ["email"]}
    url = "/student_management/students/send_credentials"
    job = cast.north.admin.post(url, sending, status=202)
    at_rest()

    # Then nothing left, and the student shows why
    assert len(outbox()) == before
    [shown] = cast.north.admin.get(f"/batch_processing/jobs/{job['id']}/recipients")["items"]
    assert (shown["state"], shown["last_error"]) == ("skipped", "suppressed: complained")
    assert cast.north.admin.get(f"/batch_processing/jobs/{job['id']}")["state"] == "completed"

    # And once it is lifted, the message goes
    cast.north.admin.delete(f"{SUPPRESSIONS}/{dead.id}")
    cast.north.admin.post(url, sending, status=202)
    at_rest()
    assert len(outbox()) == before + 1


def test_who_may_only_look_after_courses_does_not_see_other_peoples_messages(cast: Cast, client: Any) -> None:
    course = cast.admin("north.cse", "course_admin", cast.north.id, course_ids=[cast.north.course_ids[0]])

    for path in (EMAILS, STATISTICS, SUPPRESSIONS):
        course.get(path, status=403)
        assert client.get(path, headers=bearer("nonsense")).status_code == 401


def test_days_that_nothing_can_be_counted_for_are_refused(cast: Cast) -> None:
    for days in (
        "to=0001-01-01",
        "from=9999-12-31",
        "from=0",
        "to=1700000000",
        "from=2026-1-1",
        "to=2026-11-26T00:00",
    ):
        cast.north.admin.get(f"{STATISTICS}?{days}", status=422)
