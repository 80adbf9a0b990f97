"""The HTTP surface: every blueprint, listed once."""

from typing import Final

from flask import Blueprint, Flask

from config.settings import Settings
from routes import (
    access_control,
    accommodations,
    admin_management,
    audit,
    auth,
    auth_sessions,
    auth_totp,
    batch_control,
    batch_management,
    batch_processing,
    campus_admin,
    campus_management,
    console,
    course_admin,
    course_management,
    docs,
    email_management,
    email_templates,
    files,
    global_settings,
    health,
    messages,
    notifications,
    online_exam_management,
    pages,
    performance_monitor,
    practice_management,
    question_bank,
    question_files,
    sms_management,
    sms_templates,
    student,
    student_exams,
    student_imports,
    student_management,
    student_practice,
    student_recordings,
    superadmin,
    test_management,
    test_messages,
    webhooks,
)
from routes._kit import app_setup
from routes._kit.endpoint import refuse_undeclared
from routes._kit.front import install as install_front

__all__ = ["BLUEPRINTS", "WORKER_BLUEPRINTS", "install_front", "install_routes"]

BLUEPRINTS: Final[tuple[Blueprint, ...]] = (
    access_control.bp,
    accommodations.bp,
    admin_management.bp,
    audit.bp,
    auth.bp,
    auth_sessions.bp,
    auth_totp.bp,
    batch_control.bp,
    batch_management.bp,
    batch_processing.bp,
    campus_admin.bp,
    campus_management.bp,
    console.bp,
    course_admin.bp,
    course_management.bp,
    docs.bp,
    email_management.bp,
    email_templates.bp,
    files.bp,
    global_settings.bp,
    health.bp,
    messages.email_bp,
    messages.sms_bp,
    notifications.bp,
    online_exam_management.bp,
    pages.bp,
    performance_monitor.bp,
    practice_management.bp,
    question_bank.bp,
    question_files.bp,
    sms_management.bp,
    sms_templates.bp,
    student.bp,
    student_exams.bp,
    student_imports.bp,
    student_management.bp,
    student_practice.bp,
    student_recordings.bp,
    superadmin.bp,
    test_management.bp,
    test_messages.bp,
    webhooks.bp,
)


WORKER_BLUEPRINTS: Final = (health.bp,)


def install_routes(app: Flask, settings: Settings, version: str) -> None:
    """Give the app its URLs, error pages, tokens and headers; refuse a URL without a declaration.

    A process that only runs jobs has none but health and figures.
    """
    app_setup.install(app, settings, version)
    for blueprint in WORKER_BLUEPRINTS if settings.web_role == "worker" else BLUEPRINTS:
        app.register_blueprint(blueprint)
    refuse_undeclared(app.view_functions)
