"""An SMS to India leaves only as its text was registered."""

import time
from dataclasses import replace

import pytest

from services.notifications.dlt import dlt_refusal, mismatch, registered_fault
from services.notifications.templates import TemplateSource

REGISTERED = "Academy: your username is {#var#}. Set your password: {#var#}{#var#} Thank you"
INDIAN, OTHER = "+919876543210", "+14155550123"
SOURCE = TemplateSource("Academy", "", "x", "", dlt_text=REGISTERED, dlt_template_id="1" * 19)


def said(username: str = "21/CS/045", link: str = "https://a.test/x", **changed: str) -> str:
    return changed.get("text", f"Academy: your username is {username}. Set your password: {link} Thank you")


@pytest.mark.parametrize(
    "text", [said(), said("a"), said("a" * 30), said(link="b" * 60), said("x. Set your password: y")]
)
def test_what_is_as_registered_may_leave(text: str) -> None:
    assert mismatch(REGISTERED, text) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (said(""), "Set"),
        (said("a" * 31), "Set"),
        (said(link="b" * 61), "Thank you"),
        (said().replace("your username", "your  username"), "Academy"),
        (said().lower(), "Academy"),
        ("", "Academy"),
        (said()[:-1], "Thank you"),
        (said() + ".", "goes on after the end"),
        (said() + "\n", "goes on after the end"),
    ],
)
def test_what_differs_is_refused_and_told_where(text: str, at: str) -> None:
    reason = mismatch(REGISTERED, text)

    assert reason is not None
    assert at in reason
    assert "a.test" not in reason and "21/CS" not in reason


def test_a_value_at_the_end_takes_thirty_characters_a_mark() -> None:
    assert mismatch("Code {#var#}", "Code " + "9" * 30) is None
    assert mismatch("Code {#var#}", "Code " + "9" * 31) is not None
    assert mismatch("{#var#}{#var#}{#var#}", "9" * 90) is None
    assert mismatch("Code {#var#}", "Code ") is not None


def test_a_hostile_registered_text_costs_no_time() -> None:
    began = time.thread_time()

    assert mismatch("{#var#} " * 200 + "!", " " * 900) is not None

    assert time.thread_time() - began < 1.0


@pytest.mark.parametrize("registered", ["Hi {#num#}", "Hi {#var}", "Hi #}", "{#var#}", " {#var#} {#var#}"])
def test_a_registered_text_has_words_and_only_known_marks(registered: str) -> None:
    assert registered_fault(registered) is not None


def test_only_numbers_in_india_are_asked_about() -> None:
    assert dlt_refusal(SOURCE, INDIAN, "anything") is not None
    assert dlt_refusal(SOURCE, OTHER, "anything") is None
    assert dlt_refusal(SOURCE, INDIAN, said()) is None


def test_where_it_is_required_a_text_that_nobody_registered_does_not_leave() -> None:
    bare = replace(SOURCE, dlt_text="", dlt_template_id="")

    assert dlt_refusal(bare, INDIAN, "anything") is None
    assert "no registered text" in str(dlt_refusal(replace(bare, dlt_required=True), INDIAN, "anything"))
    assert dlt_refusal(replace(bare, dlt_required=True), OTHER, "anything") is None
