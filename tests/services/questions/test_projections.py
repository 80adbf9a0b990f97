"""What may leave in a paper, a review, a list: canaries in every key-bearing field of every type."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.questions.content import AnyContent, contents
from services.questions.markup import cleaned, holds_html, rendered
from services.questions.paper import paper_of
from services.questions.review import review_of
from tests.questions import CANARY, PLACE, QUESTIONS
from utils.decimals import from_stored, to_stored

# Numbers that only keys, fractions, tolerances, bounds and cases hold.
NUMBERS = ("987654", "51234", "48766", "77777", "66666", "31415", "87654", "2345", "54321")
SECRET_NAMES = {
    "key",
    "fraction",
    "fractions",
    "explanation",
    "feedback",
    "scoring",
    "cases",
    "rubric",
    "order",
}


def content_of(kind: str) -> AnyContent:
    sent = {name: part for name, part in QUESTIONS[kind].items() if name not in PLACE}
    found: AnyContent = contents.validate_python(sent)
    return found


def names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from names(part)


def test_the_list_of_types_is_complete() -> None:
    assert len(QUESTIONS) == 13


@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_paper_holds_no_canary_no_secret_number_and_no_secret_name(kind: str) -> None:
    content = content_of(kind)
    assert CANARY in content.model_dump_json()

    paper = paper_of(content).model_dump_json()

    assert CANARY not in paper
    assert [number for number in NUMBERS if number in paper] == []
    assert SECRET_NAMES.isdisjoint(names(json.loads(paper)))


@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_review_shows_the_key_but_no_hidden_case(kind: str) -> None:
    review = review_of(content_of(kind)).model_dump_json()

    assert CANARY in review
    assert "54321" not in review and f"{CANARY}input" not in review


@pytest.mark.parametrize("kind", QUESTIONS)
def test_what_is_stored_is_read_as_it_was_written(kind: str) -> None:
    content = content_of(kind)

    assert contents.validate_python(from_stored(to_stored(content.model_dump()))) == content


def test_the_order_in_which_a_paper_names_parts_does_not_follow_the_authors() -> None:
    sent = {name: part for name, part in QUESTIONS["ordering"].items() if name not in PLACE}
    items = sent["body"]["items"]

    one, other = (
        paper_of(contents.validate_python(sent | {"body": {"items": some}})) for some in (items, items[::-1])
    )

    assert one == other


def test_what_is_read_aloud_is_shown_and_what_is_repeated_is_not() -> None:
    sent = {name: part for name, part in QUESTIONS["spoken"].items() if name not in PLACE}
    body = {"reference_text": "A quick fox", "max_seconds": 9}

    shown = paper_of(contents.validate_python(sent | {"body": body})).model_dump()["body"]
    heard = paper_of(contents.validate_python(sent | {"body": body | {"task": "repeat"}})).model_dump()[
        "body"
    ]

    assert (shown["reference_text"], heard["reference_text"]) == ("A quick fox", None)


TEXTS = st.text(alphabet=st.sampled_from("<>/!?`\\&;ab= \n\"'-[]()*#|"), max_size=60)


@given(TEXTS)
def test_nobody_finds_html_in_a_cleaned_text_and_cleaning_again_changes_nothing(text: str) -> None:
    clean = cleaned(text)

    assert not holds_html(clean)
    assert cleaned(clean) == clean


@given(TEXTS)
def test_what_is_rendered_holds_elements_of_the_subset_only(text: str) -> None:
    html = rendered(cleaned(text))

    found = {part.split(">")[0].split()[0].strip("/") for part in html.split("<")[1:]}
    subset = "p br em strong s code pre ul ol li h1 h2 h3 h4 h5 h6 hr a table thead tbody tr th td"
    assert found <= set(subset.split())


@pytest.mark.parametrize("asked", [True, False])
def test_a_paper_says_whether_a_question_asks_how_sure_one_is(asked: bool) -> None:
    sent = {name: part for name, part in QUESTIONS["true_false"].items() if name not in PLACE}
    content: AnyContent = contents.validate_python(sent | {"scoring": {"certainty": asked}})

    assert paper_of(content).certainty is asked
