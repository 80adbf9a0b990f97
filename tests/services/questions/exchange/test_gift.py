"""GIFT in and out: material written by others, what is refused and where, and what comes back."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.questions.content import AnyContent, Single, contents
from services.questions.digests import digest_of
from services.questions.exchange.drafts import NoQuestion, content_of
from services.questions.exchange.from_html import markdown_of
from services.questions.exchange.gift_parser import parse
from services.questions.exchange.gift_reader import read_gift
from services.questions.exchange.gift_writer import gift_of
from services.questions.markup import cleaned
from services.questions.responses import response_to
from services.questions.scoring.feedback import feedback_for
from services.questions.scoring.score import Terms
from tests.questions import PLACE, QUESTIONS
from tests.services.questions.exchange.conformance import as_authors_write_it

DATA = Path(__file__).parents[3] / "data" / "gift"
FILES = sorted(path.stem for path in DATA.glob("*.gift"))
ASKS_NOTHING = 1  # the one description among the 52 texts


def only(text: str) -> AnyContent:
    [draft] = read_gift(text)
    return content_of(draft)


def refused(text: str) -> list[tuple[int, str]]:
    found = []
    for draft in read_gift(text):
        try:
            content_of(draft)
        except NoQuestion as error:
            found.append((draft.line, str(error)))
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_parsed_as_its_authors_expect(name: str) -> None:
    text = (DATA / f"{name}.gift").read_text(encoding="utf-8")

    assert as_authors_write_it(text) == json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def test_what_is_parsed_becomes_questions_but_for_descriptions() -> None:
    assert len(FILES) == 24
    texts = [(DATA / f"{name}.gift").read_text(encoding="utf-8") for name in FILES]

    assert sum(len(list(read_gift(text))) for text in texts) == 52
    assert sum(len(refused(text)) for text in texts) == ASKS_NOTHING


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("// a\n\nGood.{T}\n\nBad {=a\n\nGood too.{F}", 5, "never closed"),
        ("Bad } one", 1, "closes nothing"),
        ("One.{T}\nTwo.{F}", 1, "blank line"),
        ("\n\nWhich? {a b}", 3, "neither with = nor with ~"),
        ("Which? {~a ~b}", 1, "None of the answers is right"),
        ("Which? {~a =%50%b}", 1, 'fraction "1"'),
        ("Which? {~%50%a ~%150%b}", 1, "beyond 100"),
        ("Which? {=a -> b =c}", 1, "pairs"),
        ("How many? {#many}", 1, "is not a number"),
        ("How many? {#5..1}", 1, "begins above its end"),
        ("Which? {=a ~}", 1, "no text"),
        ("{T}", 1, "stem"),
        ("Just a text.", 1, "description"),
    ],
)
def test_what_is_no_question_is_told_with_its_line_and_the_others_go_in(
    text: str, line: int, reason: str
) -> None:
    [(where, why)] = refused(text)

    assert where == line
    assert reason in why


def test_blank_lines_inside_braces_and_other_line_ends_are_part_of_a_question() -> None:
    content = only("Which?{\r\n\r\n=one\r\n\r\n~two\r\n}\r\n")

    assert isinstance(content, Single)
    assert [option.text for option in content.body.options] == ["one", "two"]


def test_categories_and_tags_are_kept_as_tags_and_names_as_names() -> None:
    [draft] = read_gift("$CATEGORY: top/Nouns\n// [tag:hard]\n::The name::Is it?{T}")

    assert draft.place == {"name": "The name", "tags": ["hard", "Nouns"]}


def test_what_is_said_of_any_other_number_is_feedback() -> None:
    content = only("How many?{#=3:2#yes\n~#Completely wrong}")

    for value, said in {"4": ["yes"], "9": ["Completely wrong"], "": []}.items():
        assert feedback_for(content, response_to(content, {"value": value}), Terms()) == said


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("no tags, 1 < 2", "no tags, 1 < 2"),
        (
            "<p>One <b>two</b> <i>three</i></p><p>four&nbsp;&lt;five&gt;</p>",
            "One **two** *three*\n\nfour <five>",
        ),
        ("H<sub>2</sub>O<br>x<sup>2</sup>", "H$_{2}$O\nx$^{2}$"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ('<a href="https://a.b/c">link</a> <a href="javascript:x">no</a>', "[link](https://a.b/c) no"),
        ("<script>alert(1)</script>ok<style>p{}</style>", "ok"),
        ('<img src="x" alt="A map">', "[A map]"),
    ],
)
def test_html_of_others_becomes_markdown(html: str, text: str) -> None:
    assert markdown_of(html) == text


def exported(kind: str, **more: Any) -> str | None:
    sent = {name: part for name, part in QUESTIONS[kind].items() if name not in PLACE} | more
    return gift_of(contents.validate_python(sent), "A name: #1", ["a", "b]c"])


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("single", {"stem": "Is {a} = b ~ c # d: \\ e\nnext line"}),
        ("single", {"key": {"fractions": {"a": "1", "b": "0.5", "c": "-0.25"}}}),
        ("multiple", {}),
        ("true_false", {"feedback": {"false": "no"}}),
        ("numeric", {"body": {}}),
        ("numeric", {"body": {}, "key": {"value": "3", "tolerance": {"value": "0.5"}, "others": [
            {"value": "4", "fraction": "0.5"}]}, "feedback": {"2": "near", "other": "far"}}),
        ("short_text", {}),
        ("matching", {"feedback": {}}),
        ("essay", {"body": {}, "key": {}}),
    ],
)  # fmt: skip
def test_what_is_exported_is_imported_as_it_was(kind: str, more: dict[str, Any]) -> None:
    text = exported(kind, **more)
    assert text is not None

    [draft] = read_gift(text)
    again = content_of(draft)

    sent = {name: part for name, part in QUESTIONS[kind].items() if name not in PLACE} | more
    before = contents.validate_python(sent)
    assert (again.stem, again.explanation) == (before.stem, before.explanation)
    assert draft.place == {"name": "A name: #1", "tags": ["a", "b)c"]}
    if before.feedback and kind not in ("single", "multiple"):
        assert again.feedback == before.feedback
    assert gift_of(again, "A name: #1", ["a", "b)c"]) == text


@pytest.mark.parametrize("kind", ["ordering", "cloze", "passage_set", "listening_set", "spoken", "code"])
def test_types_that_gift_does_not_have_are_left_out(kind: str) -> None:
    assert exported(kind) is None


@given(st.text(alphabet="ab =~#{}:\\\n%", min_size=1, max_size=40))
def test_every_text_survives_the_way_out_and_in(text: str) -> None:
    stem = cleaned(" ".join(text.split())) or "x"
    sent = {"type": "true_false", "stem": stem, "key": {"value": True}}
    before = contents.validate_python(sent)
    written = gift_of(before, "", [])
    assert written is not None

    assert digest_of(only(written)) == digest_of(before)


@given(st.text(alphabet="ab=~#{}:\\\n%->.[]T05/ $", max_size=80))
def test_no_text_stops_the_parser(text: str) -> None:
    for item in parse(text):
        assert item.line >= 1
    refused(text)
