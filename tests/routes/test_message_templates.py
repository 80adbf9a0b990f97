"""/email_management/templates and /sms_management/templates."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from main import Runtime
from tests.cast import Cast, Person

ROOMS = {"email": "/email_management/templates", "sms": "/sms_management/templates"}
SMS = f"{ROOMS['sms']}/credentials"
MAIL = f"{ROOMS['email']}/credentials"
WORDS = "Welcome {{ name }}: {{ username }} {{ link }}"
HTML = '<p>{{ username }} <a href="{{ link }}">go</a></p>'
LETTER = {"subject": "Welcome, {{ name }}", "text": WORDS, "html": HTML}
ENTITY, TEMPLATE = "1101234567890123456", "1107161234567890123"


@pytest.mark.parametrize("channel", ROOMS)
def test_an_admin_sees_every_template_and_what_its_texts_may_name(cast: Cast, channel: str) -> None:
    listed = cast.north.admin.get(ROOMS[channel])["items"]

    notices = ["new_device", "token_reused"] if channel == "email" else []
    tests = ["test_notification", "test_reminder"]
    assert [one["name"] for one in listed] == ["credentials", "reset_password", *notices, *tests]
    assert {(one["channel"], one["origin"], one["version"]) for one in listed} == {(channel, "shipped", 0)}
    named = {one["name"]: one for one in listed[0]["placeholders"]}
    assert named.keys() == {"product_name", "name", "username", "link", "valid_hours"}
    assert [name for name, one in named.items() if one["required"]] == ["username", "link"]
    assert named["link"]["sample"].startswith("http://versant.test/activate?token=")
    assert named["product_name"]["sample"] == "VERSANT"


def test_the_text_that_ships_is_there_with_its_length(cast: Cast) -> None:
    shown = cast.north.admin.get(SMS)

    assert (shown["origin"], shown["version"], shown["revision"]) == ("shipped", 0, 0)
    assert shown["text"].startswith("{{ product_name }}: your username is")
    assert shown["sms"] == {"encoding": "GSM-7", "characters": 155, "segments": 1}
    assert shown["changed_by"] is None and shown["dlt_required"] is False
    assert cast.north.admin.get(MAIL)["sms"] is None


def test_a_campus_has_its_own_text_before_the_platforms_before_the_shipped_one(cast: Cast) -> None:
    north, south, boss = cast.north.admin, cast.south.admin, cast.superadmin

    # When the platform's text is edited, it holds everywhere
    platform = boss.put(SMS, {"text": "Platform. " + WORDS})
    assert (platform["origin"], platform["version"], platform["changed_by"]) == ("platform", 1, boss.id)
    assert {who.get(SMS)["text"][:9] for who in (north, south, boss)} == {"Platform."}
    assert north.get(SMS)["origin"] == "platform"

    # And when a campus edits its own, that holds there and nowhere else
    own = north.put(SMS, {"text": "North. " + WORDS})
    assert (own["origin"], own["version"], own["revision"]) == ("campus", 1, 1)
    assert [who.get(SMS)["text"][:5] for who in (north, south, boss)] == ["North", "Platf", "Platf"]
    assert boss.get(f"{SMS}?campus_id={cast.north.id}")["text"][:5] == "North"
    assert {one["name"]: one["origin"] for one in north.get(ROOMS["sms"])["items"]} == {
        "credentials": "campus",
        "reset_password": "shipped",
        "test_notification": "shipped",
        "test_reminder": "shipped",
    }
    assert north.get(MAIL)["origin"] == "shipped"

    # And without its own it has the platform's again
    assert north.post(f"{SMS}/revert", {}, status=200)["origin"] == "platform"
    assert boss.post(f"{SMS}/revert", {"version": 0}, status=200)["origin"] == "shipped"
    assert north.get(SMS)["origin"] == "shipped"


def test_versions_are_numbered_and_any_of_them_can_hold_again(cast: Cast) -> None:
    admin = cast.north.admin
    for number in (1, 2, 3):
        assert admin.put(MAIL, {**LETTER, "subject": f"Subject {number}"})["version"] == number

    page = admin.get(f"{MAIL}/versions?limit=2")
    rest = admin.get(f"{MAIL}/versions?limit=2&cursor={page['next_cursor']}")
    assert [one["version"] for one in page["items"] + rest["items"]] == [3, 2, 1]
    assert [one["current"] for one in page["items"]] == [True, False]
    assert page["items"][0]["created_by"] == admin.id
    assert admin.get(f"{MAIL}/versions/1")["html"] == LETTER["html"]

    assert admin.post(f"{MAIL}/revert", {}, status=200)["subject"] == "Subject 2"
    assert admin.post(f"{MAIL}/revert", {"version": 1}, status=200)["subject"] == "Subject 1"
    assert admin.put(MAIL, {**LETTER, "subject": "Subject 4"})["version"] == 4
    assert admin.get(f"{MAIL}/versions/4")["current"] is True


def test_the_same_text_again_is_no_new_version(cast: Cast, db: Any) -> None:
    admin = cast.north.admin

    first, again = admin.put(MAIL, LETTER), admin.put(MAIL, LETTER)

    assert (again["version"], again["revision"]) == (first["version"], first["revision"]) == (1, 1)
    kept = {"action": {"$in": ["template.changed", "template.reverted"]}, "campus_id": cast.north.id}
    [row] = db.audit.find(kept)
    assert (row["actor_id"], row["detail"]["version"], row["detail"]["before"]) == (admin.id, 1, 0)
    assert "Welcome" not in str(row)


def test_of_two_who_edit_one_text_the_later_is_told(cast: Cast) -> None:
    admin = cast.north.admin

    admin.put(SMS, {"text": WORDS}, headers={"If-Match": '"r0"'})
    stale = admin.put(SMS, {"text": WORDS + " !"}, 412, headers={"If-Match": '"r0"'})

    assert stale["type"] == "/problems/stale"
    admin.post(f"{SMS}/revert", {}, status=412, headers={"If-Match": '"r0"'})
    etag = admin.http.get(SMS).headers["ETag"]
    admin.put(SMS, {"text": WORDS + " !"}, headers={"If-Match": etag})


def test_of_many_who_edit_at_once_one_wins(app: Flask, cast: Cast, db: Any) -> None:
    admins = [cast.north.admin, *(Person(app, "north.admin") for _ in range(3))]

    def edit(admin: Person) -> int:
        texts = {"text": f"{admin.token[-8:]} {WORDS}"}
        return int(admin.http.put(SMS, json=texts, headers={"If-Match": '"r0"'}).status_code)

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(edit, admins))

    assert statuses == [200, 412, 412, 412]
    assert db.message_template_versions.count_documents({"campus_id": cast.north.id}) == 1


def test_a_text_that_cannot_be_sent_is_not_kept(cast: Cast) -> None:
    admin = cast.north.admin
    wrong = {"subject": "Hi {{ link }}", "text": "Hi\n{{ fullname }}", "html": "<script>{{ link }}</script>"}

    problem = admin.put(MAIL, wrong, 422)

    assert problem["type"] == "/problems/text-not-accepted"
    assert {one["pointer"] for one in problem["errors"]} == {"/subject", "/text", "/html"}
    [text] = [one for one in problem["errors"] if one["pointer"] == "/text"]
    assert text["line"] == 2 and text["detail"].startswith("line 2: {{ fullname }} is not known here")
    assert admin.get(MAIL)["origin"] == "shipped"
    assert admin.put(MAIL, {"text": WORDS}, 422)["errors"][0]["pointer"] == "/subject"
    assert admin.put(SMS, {"text": WORDS, "html": "x"}, 422)["errors"][0]["pointer"] == "/html"
    assert "7 SMS segments" in admin.put(SMS, {"text": WORDS + " " + "x" * 850}, 422)["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("get", "/nothing", None, 404),
        ("put", "/nothing", {"text": WORDS}, 404),
        ("post", "/nothing/preview", {}, 404),
        ("post", "/nothing/test_send", {}, 404),
        ("post", "/nothing/revert", {}, 404),
        ("get", "/nothing/versions", None, 404),
        ("get", "/credentials/versions/1", None, 404),
        ("get", "/credentials/versions/x", None, 404),
        ("post", "/credentials/revert", {}, 409),
        ("post", "/credentials/revert", {"version": 1}, 409),
        ("post", "/credentials/revert", {"version": -1}, 422),
        ("post", "/credentials/preview", {"params": {"fullname": "x"}}, 422),
        ("post", "/credentials/preview", {"text": "{% for %}"}, 422),
        ("get", "/credentials?campus_id=0123456789abcdef01234567", None, 422),
        ("put", "/credentials", {"text": WORDS, "campus_id": "0123456789abcdef01234567"}, 422),
        ("put", "/credentials", {"text": WORDS, "language": "x"}, 422),
        ("put", "/credentials", {"text": WORDS, "dlt_template_id": "abc"}, 422),
    ],
)  # fmt: skip
def test_what_is_not_there_or_not_right_is_told(
    cast: Cast, method: str, path: str, body: Any, status: int
) -> None:
    ask = getattr(cast.north.admin, method)

    reply = ask(ROOMS["sms"] + path, *([body] if body is not None else []), status=status)

    assert reply["status"] == status


def test_a_version_that_was_never_written_cannot_hold(cast: Cast) -> None:
    admin = cast.north.admin
    admin.put(SMS, {"text": WORDS})

    assert admin.post(f"{SMS}/revert", {"version": 2}, status=422)["errors"][0]["pointer"] == "/version"


def test_another_campus_is_no_campus_of_yours(cast: Cast) -> None:
    north, south = cast.north, cast.south
    south.admin.put(SMS, {"text": "South. " + WORDS})

    for reply in (
        north.admin.get(f"{SMS}?campus_id={south.id}", status=422),
        north.admin.put(SMS, {"text": WORDS, "campus_id": south.id}, 422),
        north.admin.post(f"{SMS}/preview", {"campus_id": south.id}, status=422),
        north.admin.post(f"{SMS}/revert", {"campus_id": south.id}, status=422),
        north.admin.post(f"{SMS}/test_send", {"campus_id": south.id}, status=422),
    ):
        assert reply["errors"] == [{"pointer": "/campus_id", "detail": "is not a campus of yours"}]
    assert north.admin.get(SMS)["origin"] == "shipped"
    assert north.admin.get(f"{SMS}/versions")["items"] == []


def test_a_preview_shows_the_message_and_sends_nothing(cast: Cast, outbox: Any) -> None:
    admin = cast.north.admin
    before = len(outbox())

    drafted = admin.post(f"{SMS}/preview", {"text": WORDS, "params": {"name": "आशा"}}, status=200)
    present = admin.post(f"{MAIL}/preview", {"params": {"name": "<b>"}}, status=200)

    assert drafted["text"].startswith("Welcome आशा: 21/CS/045 http://versant.test/activate?token=xxx")
    assert drafted["sms"]["encoding"] == "UCS-2" and drafted["sms"]["segments"] == 2
    assert drafted["findings"] == []
    assert present["subject"] == "VERSANT: set your password, <b>"
    assert "Hello &lt;b&gt;" in present["html"] and present["sms"] is None
    assert len(outbox()) == before
    assert admin.get(SMS)["origin"] == "shipped"


def test_a_preview_tells_what_would_keep_a_text_from_being_accepted(cast: Cast) -> None:
    draft = {"text": f"{WORDS} {'x' * 900}", "dlt_text": "Hi"}

    shown = cast.north.admin.post(f"{SMS}/preview", draft, status=200)

    pointers = [one["pointer"] for one in shown["findings"]]
    assert pointers == ["/text", "/dlt_entity_id", "/dlt_template_id", "/text"]


def test_an_edited_text_is_what_people_get(cast: Cast, outbox: Any, at_rest: Any) -> None:
    cast.north.admin.put(MAIL, LETTER)

    cast.student(cast.north, "21CS1")
    cast.student(cast.south, "21CS2")

    subjects = {message["to"]: message["subject"] for message in outbox()}
    assert subjects["21cs1@example.com"] == "Welcome, Student 21CS1"
    assert subjects["21cs2@example.com"] == "VERSANT: set your password, Student 21CS2"


def test_who_forgot_the_password_gets_the_text_of_their_campus(cast: Cast, outbox: Any, at_rest: Any) -> None:
    words = {"subject": "North: a new password", "text": "{{ link }}"}
    cast.north.admin.put(f"{ROOMS['email']}/reset_password", words)

    cast.superadmin.http.post("/auth/forgot_password", json={"username": "north.admin"})
    at_rest()

    assert outbox()[-1]["subject"] == "North: a new password"


# --- tests to oneself ---


def test_a_test_goes_to_ones_own_address_through_a_job(
    cast: Cast, outbox: Any, at_rest: Any, db: Any
) -> None:
    admin = cast.north.admin

    job = admin.post(f"{MAIL}/test_send", {"subject": "Trying {{ username }}"}, status=202)
    at_rest()

    assert (job["type"], job["total"]) == ("template_test", 1)
    assert admin.get(f"/batch_processing/jobs/{job['id']}")["counts"]["delivered"] == 1
    sent = outbox()[-1]
    assert (sent["to"], sent["subject"]) == ("north.admin@example.com", "Trying north.admin")
    assert "Hello Admin north.admin" in sent["text"] and "/activate?token=xxxx" in sent["text"]
    assert admin.get(MAIL)["origin"] == "shipped"
    assert db.audit.count_documents({"action": "template.tested", "campus_id": cast.north.id}) == 1
    cast.south.admin.get(f"/batch_processing/jobs/{job['id']}", status=404)


def test_without_an_address_there_is_no_test(cast: Cast) -> None:
    reply = cast.north.admin.post(f"{SMS}/test_send", {}, status=409)

    assert reply["type"] == "/problems/no-address-of-yours"
    cast.north.admin.post(f"{MAIL}/test_send", {"text": "free text to whomever"}, status=422)


def test_tests_are_rationed(cast: Cast, db: Any) -> None:
    admin = cast.north.admin
    admin.post(f"{MAIL}/test_send", {}, status=202)
    [row] = db.audit.find({"action": "template.tested", "campus_id": cast.north.id})
    db.audit.insert_many([{**row, "_id": f"more{number}", "seq": None} for number in range(19)])

    reply = admin.http.post(f"{MAIL}/test_send", json={})

    assert (reply.status_code, reply.get_json()["type"]) == (429, "/problems/too-many-tests")
    assert reply.headers["Retry-After"]


# --- DLT ---

REGISTERED = "Welcome {#var#}: {#var#} {#var#}{#var#}{#var#}{#var#}"
DLT = {"dlt_entity_id": ENTITY, "dlt_template_id": TEMPLATE, "dlt_text": REGISTERED}


def test_an_sms_is_kept_with_its_registration_if_they_agree(cast: Cast) -> None:
    admin = cast.north.admin

    shown = admin.put(SMS, {"text": WORDS, **DLT})

    assert {name: shown[name] for name in DLT} == DLT
    differing = admin.put(SMS, {"text": WORDS, **DLT, "dlt_text": "Hello " + REGISTERED}, 422)
    assert differing["errors"][0]["pointer"] == "/text"
    assert "differs from the registered text" in differing["errors"][0]["detail"]
    partly = admin.put(SMS, {"text": WORDS, "dlt_template_id": TEMPLATE}, 422)
    assert [one["pointer"] for one in partly["errors"]] == ["/dlt_entity_id", "/dlt_text"]
    other = admin.put(SMS, {"text": WORDS, **DLT, "dlt_text": "Welcome {#name#}"}, 422)
    assert other["errors"][0] == {"pointer": "/dlt_text", "detail": "holds a mark other than {#var#}"}


def told(admin: Person, cast: Cast, roll_number: str, name: str, mobile: str) -> str:
    """Make a student with a mobile and send credentials by SMS; return the job's id."""
    wanted = {
        "name": name,
        "roll_number": roll_number,
        "batch_id": cast.north.batch_id,
        "course_ids": [cast.north.course_ids[0]],
        "mobile_number": mobile,
    }
    student = admin.post("/student_management/students", wanted)
    sending = {"student_ids": [student["id"]], "channels": ["sms"]}
    return str(admin.post("/student_management/students/send_credentials", sending, status=202)["id"])


def test_an_sms_that_differs_from_what_is_registered_does_not_leave(
    cast: Cast, at_rest: Any, outbox: Any
) -> None:
    admin = cast.north.admin
    admin.put(SMS, {"text": WORDS, **DLT})

    fits = told(admin, cast, "21CS1", "Asha Rao", "+919876543210")
    differs = told(admin, cast, "21CS2", "A" * 31, "+919876543211")
    abroad = told(admin, cast, "21CS3", "B" * 31, "+14155550123")
    at_rest()

    states = {}
    for job in (fits, differs, abroad):
        [one] = admin.get(f"/batch_processing/jobs/{job}/recipients")["items"]
        states[job] = (one["state"], one["last_error"])
    assert states[fits] == ("delivered", None) and states[abroad] == ("delivered", None)
    state, reason = states[differs]
    assert state == "failed" and "differs from the registered text (DLT)" in reason
    assert "AAA" not in reason and "token" not in reason
    assert admin.get(f"/batch_processing/jobs/{differs}")["state"] == "completed"
    assert not [message for message in outbox() if message["to"] == "+919876543211"]


def test_what_a_job_has_pinned_stays_whatever_is_edited(cast: Cast, runtime: Runtime, db: Any) -> None:
    admin = cast.north.admin
    admin.put(SMS, {"text": "First. " + WORDS})
    job_id = told(admin, cast, "21CS1", "Asha Rao", "+919876543210")

    admin.put(SMS, {"text": "Second. " + WORDS})

    pinned = db.batch_jobs.find_one({"_id": job_id})["template_version"]
    assert db.template_versions.find_one({"_id": f"{pinned}:sms"})["text"].startswith("First.")


def test_a_text_from_before_an_update_is_shown_and_not_sent(cast: Cast, db: Any) -> None:
    # Given a text that names what an earlier version of the server knew
    admin = cast.north.admin
    admin.put(SMS, {"text": WORDS})
    old = {"$set": {"text": WORDS + " {{ fax_number }}"}}
    db.message_template_versions.update_one({"campus_id": cast.north.id}, old)

    # Then it can be read and edited, and nobody is written to with it
    assert admin.get(SMS)["sms"] is None
    student = {
        "name": "Asha Rao",
        "roll_number": "21CS1",
        "batch_id": cast.north.batch_id,
        "course_ids": [cast.north.course_ids[0]],
        "mobile_number": "+919876543210",
    }
    made = admin.post("/student_management/students", student)
    sending = {"student_ids": [made["id"]], "channels": ["sms"]}
    refused = admin.post("/student_management/students/send_credentials", sending, status=409)
    assert refused["type"] == "/problems/text-is-outdated"
    assert refused["detail"] == "credentials names fax_number."
    assert admin.post(f"{SMS}/revert", {"version": 0}, status=200)["origin"] == "shipped"
