"""One valid request per operation, by its name. A route without one fails the walk: write it here.

Every id comes from ``at(<slot>, <kind>)``, with ``of=<slot>`` for an id that must belong to another one, so
that the walk can put another campus's id, nobody's or nonsense in its place. A slot is called like the path
argument or the field that holds it.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from config.permissions import Permission, Role
from tests.authz.operations import At, Request
from tests.authz.room_requests import ROOM_REQUESTS
from tests.authz.sitting_requests import SITTING
from tests.authz.valid_practice import PRACTICE_REQUESTS
from tests.authz.valid_test_requests import TEST_REQUESTS
from tests.authz.world import PLATFORM, Kind, word
from tests.cast import PASSWORD, roster
from tests.questions import QUESTIONS

Factory = Callable[[At], Request]

NEW_PASSWORD: Final = "seven green umbrellas 42"
ALL: Final = {"limit": "200"}
IN_USE: Final = frozenset({409})  # everything here has something that depends on it
BREAKER: Final = "brevo-email"
PICTURE: Final = {"purpose": "question_media", "name": "a.png", "content_type": "image/png", "size": 70}
CODE: Final = {"code": "000000"}
UNSIGNED: Final = {"expires": "1", "signature": "none"}
STRANGER: Final = frozenset({401})  # the provider proves itself by a token that nobody here has
PLACE: Final = {"name": "New Place", "code": "NEW-1"}


def _path(**ids: Kind) -> Callable[[At], dict[str, str]]:
    return lambda at: {name: at(name, kind) for name, kind in ids.items()}


def _page(kind: Kind, **filters: Kind) -> Factory:
    """Return requests for a whole list, or for what a filter lets through."""

    def make(at: At) -> Request:
        ids = {name: at(name, wanted) for name, wanted in filters.items()}
        narrowed = {at.varied: ids.pop(at.varied)} if at.varied else {}
        at.leave(*ids)
        return Request(query={**ALL, **narrowed}, lists=kind)

    return make


def _of(
    body: Any = None, /, query: Mapping[str, str] = {}, more: Mapping[str, Any] = {}, **ids: Kind
) -> Factory:
    """Return requests on one row, named in the path."""
    return lambda at: Request(path=_path(**ids)(at), body=body, query=query, **more)


def _plain(**request: Any) -> Factory:
    """Return requests without any id."""
    return lambda _: Request(**request)


def _heard(at: At, campus_id: str, of: str) -> dict[str, Any]:
    """Return a question that plays a file, which belongs where the question does."""
    sent = QUESTIONS["listening_set"]
    body = {**sent["body"], "audio_file_id": at("audio_file_id", Kind.FILE, of=of)}
    return {**sent, "body": body, "campus_id": campus_id}


def _create_admin(at: At) -> Request:
    body = {
        "role": Role.COURSE_ADMIN,
        "name": "New Admin",
        "username": "new.admin",
        "email": "new.admin@example.com",
        "campus_id": at("campus_id", Kind.CAMPUS),
        "course_ids": [at("course_ids", Kind.COURSE, of="campus_id")],
    }
    return Request(body=body, refusal=404, appoints=Role.COURSE_ADMIN)


def _update_admin(at: At) -> Request:
    path = {"admin_id": at("admin_id", Kind.ADMIN)}
    body = {"name": "Renamed", "course_ids": [at("course_ids", Kind.COURSE, of="admin_id")]}
    return Request(path, body=body, refusal=404, appoints=Role.COURSE_ADMIN)


def _create_batch(at: At) -> Request:
    body = {
        "campus_id": at("campus_id", Kind.CAMPUS),
        "name": "New Batch",
        "course_ids": [at("course_ids", Kind.COURSE, of="campus_id")],
    }
    return Request(body=body)


def _update_batch(at: At) -> Request:
    path = {"batch_id": at("batch_id", Kind.EMPTY_BATCH)}
    return Request(
        path, body={"name": "Renamed", "course_ids": [at("course_ids", Kind.COURSE, of="batch_id")]}
    )


def _create_student(at: At) -> Request:
    body = {
        "name": "New Student",
        "roll_number": "NEW/1",
        "email": "new.student@example.com",
        "mobile_number": "+919876599999",
        "batch_id": at("batch_id", Kind.BATCH),
        "course_ids": [at("course_ids", Kind.COURSE, of="batch_id", taught=True)],
    }
    return Request(body=body)


def _list_students(at: At) -> Request:
    """In a campus, search for what every student is called."""
    request = _page(Kind.STUDENT, campus_id=Kind.CAMPUS, course_id=Kind.COURSE, batch_id=Kind.BATCH)(at)
    return (
        replace(request, query={**request.query, "search": "student"})
        if at.varied == "campus_id"
        else request
    )


def _send_credentials(at: At) -> Request:
    """Name students, or a batch when that is what varies: a request names one of both."""
    chosen = {"student_ids": [at("student_ids", Kind.STUDENT)]}
    batch = {"batch_id": at("batch_id", Kind.BATCH)}
    named, left = (batch, "student_ids") if at.varied == "batch_id" else (chosen, "batch_id")
    at.leave(left)
    return Request(body={"channels": ["email"], **named})


def _upload(at: At) -> Request:
    form = {
        "batch_id": at("batch_id", Kind.BATCH),
        "course_ids": at("course_ids", Kind.COURSE, of="batch_id", taught=True),
        "file": roster("CSE,NEW/1,New Student,,"),
    }
    return Request(form=form)


def _texts(body: Mapping[str, Any] | None = None, /, **more: Any) -> Factory:
    """Return requests about a campus's message text; the body names the campus where there is one."""

    def make(at: At) -> Request:
        place = {"campus_id": at("campus_id", Kind.CAMPUS)}
        request = {"query": place, "narrows": False} if body is None else {"body": {**body, **place}}
        return Request(**request, **more)

    return make


def _audit(at: At) -> Request:
    """Ask for what was done at a campus, by one admin when that is what varies."""
    campus = {"campus_id": at("campus_id", Kind.CAMPUS)}
    admin = {"actor_id": at("actor_id", Kind.ADMIN, of="campus_id")}
    if at.varied == "actor_id":
        return Request(query={**campus, **admin})
    at.leave("actor_id")
    return Request(query=campus, shows=_sessions_of(at, campus["campus_id"]))


def _sessions_of(at: At, campus_id: str) -> frozenset[str]:
    """Return the sessions of a campus's people: what was done in them names them; an id lets nobody in."""
    users = at.world.rows["users"]
    people = {user_id for user_id, row in users.items() if row.campus_id == campus_id}
    return frozenset(row["_id"] for row in at.world.snapshot.get("sessions", ()) if row["user_id"] in people)


def _login(at: At) -> Request:
    body = {"username": "caller", "password": PASSWORD}
    return Request(body=body, shows=frozenset({word(PLATFORM), at.world.account_id("caller")}))


def _by_link(token: str) -> Factory:
    return lambda at: Request(body={"token": at.world.tokens[token], "new_password": NEW_PASSWORD})


TEXT: Final = {"name": "credentials"}
TEXT_WORDS: Final = "{{ username }}: {{ link }}"
OWN_ADDRESS: Final = frozenset({202, 409})  # whoever has no address of that kind cannot be sent a test
# Of a file of questions one goes in, one is there already, one is wrong
TRUE, UNFINISHED = b"Two is more than one.{T}", b"What is more than two?{=three"
OF_AN_ADMIN: Final = {"appoints": Role.COURSE_ADMIN}
NO_FORMS: Final = {"features": {"forms": False}}
NARROW: Final = {"permissions": [Permission.STUDENT_READ]}
VALID_REQUESTS: Final[Mapping[str, Factory]] = {
    **PRACTICE_REQUESTS,
    **ROOM_REQUESTS,
    **TEST_REQUESTS,
    **SITTING,
    "access_control.get_permissions": _of(admin_id=Kind.ADMIN),
    "access_control.list_modules": _plain(),
    "access_control.list_templates": _plain(),
    "access_control.put_permissions": _of(NARROW, more=OF_AN_ADMIN, admin_id=Kind.ADMIN),
    "access_control.reset_permissions": _of(more=OF_AN_ADMIN, admin_id=Kind.ADMIN),
    "admin_management.create_admin": _create_admin,
    "admin_management.deactivate_admin": _of(more=OF_AN_ADMIN, admin_id=Kind.ADMIN),
    "admin_management.delete_admin": _of(more=OF_AN_ADMIN, admin_id=Kind.ADMIN),
    "admin_management.get_admin": _of(admin_id=Kind.ADMIN),
    "admin_management.list_admins": _page(Kind.ADMIN, campus_id=Kind.CAMPUS),
    "admin_management.reactivate_admin": _of(more=OF_AN_ADMIN, admin_id=Kind.ADMIN),
    "admin_management.unlock_admin": _of(more=OF_AN_ADMIN, admin_id=Kind.ADMIN),
    "admin_management.reset_second_factor": _of(more=OF_AN_ADMIN, admin_id=Kind.ADMIN),
    "admin_management.send_credentials": _of(more=OF_AN_ADMIN, admin_id=Kind.ADMIN),
    "admin_management.update_admin": _update_admin,
    "audit.export_records": _audit,
    "audit.get_chain": lambda at: Request(
        query={"campus_id": at("campus_id", Kind.CAMPUS)}, narrows=False, refusal=404
    ),
    "audit.list_records": _audit,
    "auth.activate": _by_link("activate"),
    "auth.change_password": _plain(body={"current_password": PASSWORD, "new_password": NEW_PASSWORD}),
    "auth.confirm": _plain(body={"password": PASSWORD}),
    "auth.forgot_password": _plain(body={"username": "caller"}),
    "auth.login": _login,
    "auth.logout": _plain(),
    "auth.me": _plain(),
    "auth.refresh": lambda at: Request(body={"refresh_token": at.world.tokens["refresh"]}),
    "auth.reset_password": _by_link("reset"),
    "auth_sessions.end_session": _of(session_id=Kind.SESSION),
    "auth_sessions.end_sessions": _plain(),
    "auth_sessions.list_sessions": _plain(),
    "auth_totp.begin": _plain(),
    "auth_totp.confirm": _plain(body=CODE, statuses=frozenset({409})),  # nobody has begun
    "auth_totp.remove": _plain(body=CODE, statuses=frozenset({404})),  # nobody has one
    "auth_totp.renew_recovery_codes": _plain(body=CODE, statuses=frozenset({404})),
    "batch_control.cancel": _of(job_id=Kind.WAITING_JOB),
    "batch_control.list_dead_letters": _page(Kind.DEAD_LETTER),
    "batch_control.pause": _of(job_id=Kind.WAITING_JOB),
    "batch_control.requeue": _of(letter_id=Kind.DEAD_LETTER),
    "batch_control.resume": _of(job_id=Kind.PAUSED_JOB),
    "batch_control.retry_failed": _of(job_id=Kind.GIVEN_UP_JOB),
    "batch_management.create_batch": _create_batch,
    "batch_management.delete_batch": _of(more={"whole": True}, batch_id=Kind.EMPTY_BATCH),
    "batch_management.get_batch": _of(batch_id=Kind.BATCH),
    "batch_management.get_instance": _of(instance_id=Kind.INSTANCE),
    "batch_management.list_batches": _page(Kind.BATCH, campus_id=Kind.CAMPUS),
    "batch_management.list_instances": _page(
        Kind.INSTANCE, campus_id=Kind.CAMPUS, batch_id=Kind.BATCH, course_id=Kind.COURSE
    ),
    "batch_management.update_batch": _update_batch,
    "batch_processing.get_job": _of(job_id=Kind.JOB),
    "batch_processing.list_jobs": _page(Kind.JOB),
    "batch_processing.list_recipients": _of(query=ALL, job_id=Kind.JOB),
    "batch_processing.list_workers": _plain(),
    "batch_processing.report": _of(job_id=Kind.JOB),
    "campus_admin.dashboard": _plain(only=frozenset({Role.CAMPUS_ADMIN})),
    "campus_management.create_campus": _plain(body={**PLACE, "timezone": "Asia/Kolkata"}),
    "campus_management.delete_campus": _of(more={"statuses": IN_USE}, campus_id=Kind.CAMPUS),
    "campus_management.get_campus": _of(campus_id=Kind.CAMPUS),
    "campus_management.list_campuses": _page(Kind.CAMPUS),
    "campus_management.update_campus": _of(PLACE, campus_id=Kind.CAMPUS),
    "console.console": _plain(),
    "console.console_file": _plain(path={"stamp": "new", "name": "console/main.js"}),
    "course_admin.dashboard": _plain(only=frozenset({Role.COURSE_ADMIN})),
    "course_management.create_course": lambda at: Request(
        body={**PLACE, "campus_id": at("campus_id", Kind.CAMPUS)}
    ),
    "course_management.delete_course": _of(more={"statuses": IN_USE}, course_id=Kind.COURSE),
    "course_management.get_course": _of(course_id=Kind.COURSE),
    "course_management.list_courses": _page(Kind.COURSE, campus_id=Kind.CAMPUS),
    "course_management.update_course": _of(PLACE, course_id=Kind.COURSE),
    "docs.openapi_document": _plain(),
    "docs.pages": _plain(),
    "docs.problem_page": _plain(path={"slug": "not-found"}),
    "docs.swagger_file": _plain(path={"name": "swagger-ui.css"}),
    "email_management.channel_balance": _plain(),
    "email_management.channel_status": _plain(),
    "email_messages.get_delivery": _of(delivery_id=Kind.EMAIL),
    "email_messages.lift_suppression": _of(suppression_id=Kind.EMAIL_SUPPRESSION),
    "email_messages.list_deliveries": _page(Kind.EMAIL, recipient_id=Kind.STUDENT, job_id=Kind.JOB),
    "email_messages.list_suppressions": _page(Kind.EMAIL_SUPPRESSION),
    "email_messages.statistics": _plain(),
    "email_management.read_outbox": _plain(query=ALL, shows_secrets=True),
    "email_templates.get_template": _texts(path=TEXT),
    "email_templates.get_version": _texts(path={**TEXT, "version": "1"}),
    "email_templates.list_templates": _texts(),
    "email_templates.list_versions": _texts(path=TEXT),
    "email_templates.preview": _texts({"subject": "Welcome"}, path=TEXT),
    "email_templates.put_template": _texts({"subject": "Welcome", "text": TEXT_WORDS}, path=TEXT),
    "email_templates.revert": _texts({"version": 0}, path=TEXT),
    "email_templates.test_send": _texts({}, path=TEXT, statuses=OWN_ADDRESS),
    "files.announce": lambda at: Request(body={**PICTURE, "campus_id": at("campus_id", Kind.CAMPUS)}),
    "files.complete": _of(file_id=Kind.FILE),
    "files.get_content": _plain(path={"key": "files/none"}, query=UNSIGNED, statuses=frozenset({404})),
    "files.get_file": _of(file_id=Kind.FILE),
    "files.link": _of(file_id=Kind.FILE),
    "files.put_content": _plain(path={"key": "files/none"}, query=UNSIGNED, statuses=frozenset({404})),
    "files.remove": _of(file_id=Kind.FILE),
    "email_management.resume_channel": _plain(statuses=frozenset({409})),  # it is not paused
    "global_settings.get_features": _plain(path={"role": Role.STUDENT}),
    "global_settings.list_features": _plain(),
    "global_settings.switch_features": _plain(path={"role": Role.STUDENT}, body=NO_FORMS),
    "health.live": _plain(),
    "health.metrics": _plain(),
    "health.ready": _plain(statuses=frozenset({200, 503}), plain=True),  # its loops rest while we walk
    "notifications.list_notifications": _page(Kind.NOTIFICATION),
    "notifications.read_all": _plain(),
    "notifications.read_notification": _of(notification_id=Kind.NOTIFICATION),
    "notifications.unread_count": _plain(),
    "pages.activate_page": _plain(),
    "pages.reset_page": _plain(),
    "performance_monitor.list_breakers": _plain(),
    "performance_monitor.reset_breaker": _plain(path={"name": BREAKER}),
    "question_bank.create_question": lambda at: Request(
        body=_heard(at, campus_id=at("campus_id", Kind.CAMPUS), of="campus_id")
    ),
    "question_bank.delete_question": _of(question_id=Kind.QUESTION),
    "question_bank.get_module": _plain(path={"key": "GRAMMAR"}),
    "question_bank.get_paper": _of(question_id=Kind.QUESTION),
    "question_bank.get_question": _of(question_id=Kind.QUESTION),
    "question_bank.get_version": lambda at: Request(
        path={"question_id": at("question_id", Kind.QUESTION), "number": "1"}
    ),
    "question_bank.list_modules": _plain(),
    "question_bank.list_questions": _page(Kind.QUESTION),
    "question_bank.list_versions": _of(query=ALL, question_id=Kind.QUESTION),
    "question_bank.preview_answer": _of(
        {"response": {"option": "b"}}, more={"looks": True}, question_id=Kind.QUESTION
    ),
    "question_bank.see_pool": lambda at: Request(
        query={"module": "GRAMMAR", "level": "BEGINNER", "campus_id": at("campus_id", Kind.CAMPUS)},
        narrows=False,
    ),
    "question_bank.put_module": _plain(path={"key": "GRAMMAR"}, body={"name": "Grammar", "levels": ["ALL"]}),
    "question_bank.put_question": lambda at: Request(
        path=_path(question_id=Kind.QUESTION)(at),
        body=_heard(at, campus_id=at("campus_id", Kind.CAMPUS, of="question_id"), of="question_id"),
    ),
    "question_bank.retire_question": _of(question_id=Kind.QUESTION),
    "question_files.export_questions": _plain(),
    "question_files.import_questions": lambda at: Request(
        form={
            "format": "gift",
            "module": "GRAMMAR",
            "level": "BEGINNER",
            "campus_id": at("campus_id", Kind.CAMPUS),
            "file": (io.BytesIO(b"\n\n".join((TRUE, TRUE, UNFINISHED))), "new.gift"),
        }
    ),
    "sms_management.channel_balance": _plain(),
    "sms_management.channel_status": _plain(),
    "sms_management.resume_channel": _plain(),
    "sms_templates.get_template": _texts(path=TEXT),
    "sms_templates.get_version": _texts(path={**TEXT, "version": "1"}),
    "sms_templates.list_templates": _texts(),
    "sms_templates.list_versions": _texts(path=TEXT),
    "sms_templates.preview": _texts({"text": f"{TEXT_WORDS} {300 * 'long '}"}, path=TEXT),
    "sms_templates.put_template": _texts({"text": TEXT_WORDS}, path=TEXT),
    "sms_templates.revert": _texts({"version": 0}, path=TEXT),
    "sms_templates.test_send": _texts({}, path=TEXT, statuses=OWN_ADDRESS),
    "sms_messages.get_delivery": _of(delivery_id=Kind.SMS),
    "sms_messages.lift_suppression": _of(suppression_id=Kind.SMS_SUPPRESSION),
    "sms_messages.list_deliveries": _page(Kind.SMS, recipient_id=Kind.STUDENT, job_id=Kind.JOB),
    "sms_messages.list_suppressions": _page(Kind.SMS_SUPPRESSION),
    "sms_messages.statistics": _plain(),
    "student_imports.commit": _of({"channels": ["email"]}, import_id=Kind.IMPORT),
    "student_imports.error_file": _of(import_id=Kind.IMPORT),
    "student_imports.get_import": _of(import_id=Kind.IMPORT),
    "student_imports.list_imports": _page(Kind.IMPORT, batch_id=Kind.BATCH),
    "student_imports.list_rows": _of(query=ALL, import_id=Kind.IMPORT),
    "student_imports.undo": _of(more={"statuses": IN_USE}, import_id=Kind.IMPORT),
    "student_imports.template": _plain(query={"format": "csv"}),
    "student_imports.upload": _upload,
    "student_management.anonymise_student": _of(student_id=Kind.STUDENT),
    "student_management.bulk_delete": lambda at: Request(
        body={"ids": [at("ids", Kind.STUDENT)]}, reports=True, whole=True
    ),
    "student_management.create_student": _create_student,
    "student_management.delete_student": _of(more={"whole": True}, student_id=Kind.STUDENT),
    "student_management.export_student": _of(student_id=Kind.STUDENT),
    "student_management.get_student": _of(student_id=Kind.STUDENT),
    "student_management.reset_second_factor": _of(student_id=Kind.STUDENT),
    "student_management.list_students": _list_students,
    "student_management.send_credentials": _send_credentials,
    "student_management.unlock_student": _of(student_id=Kind.STUDENT),
    "student_management.update_student": _of({"name": "Renamed"}, student_id=Kind.STUDENT),
    "superadmin.dashboard": _plain(only=frozenset({Role.SUPERADMIN, Role.SUB_SUPERADMIN})),
    "webhooks.brevo_email": _plain(body={"event": "spam"}, statuses=STRANGER),
    "webhooks.brevo_sms": _plain(body={"msg_status": "delivered"}, statuses=STRANGER),
    "watch.import_id": _of(import_id=Kind.IMPORT),
    "watch.job_id": _of(job_id=Kind.JOB),
}
