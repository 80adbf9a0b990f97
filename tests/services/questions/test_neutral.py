"""The ids of parts say nothing: what tells is renamed, what only counts stays, what is right stays right."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.questions.content import AnyContent, contents
from services.questions.digests import digest_of
from services.questions.neutral import neutral
from services.questions.paper import paper_of
from tests.questions import PLACE, QUESTIONS

TELLING = ["right", "wrong-1", "wrong-2", "wrong-3"]


def made(kind: str, body: Any, key: Any, **more: Any) -> AnyContent:
    sent = {"type": kind, "stem": "Which?", "body": body, "key": key, **more}
    found: AnyContent = contents.validate_python(sent)
    return found


def parts(ids: list[str], texts: str = "ABCDEFGH") -> list[dict[str, str]]:
    return [{"id": one, "text": text} for one, text in zip(ids, texts, strict=False)]


def ordering(ids: list[str], order: list[str]) -> AnyContent:
    return made("ordering", {"items": parts(ids)}, {"order": order})


def in_words(content: Any) -> Any:
    """The key in the texts of parts, in place of their ids."""
    match content.type:
        case "ordering":
            texts = {one.id: one.text for one in content.body.items}
            return [texts[one] for one in content.key.order]
        case "matching":
            left = {one.id: one.text for one in content.body.left}
            right = {one.id: one.text for one in content.body.right}
            return {left[one]: right[other] for one, other in content.key.pairs.items()}
    texts = {one.id: one.text for one in content.body.options}
    return {texts[one]: value for one, value in content.key.values.items()}


@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_question_stays_equal_to_itself_and_is_renamed_once(kind: str) -> None:
    content = contents.validate_python(
        {name: part for name, part in QUESTIONS[kind].items() if name not in PLACE}
    )

    once = neutral(content, by_place=True)

    assert digest_of(once) == digest_of(content)
    assert neutral(once, by_place=True) == once


@pytest.mark.parametrize("ids", [["a", "b", "c"], ["1", "2", "3"], ["opt-1", "opt-2", "opt-3"]])
def test_ids_that_only_count_stay(ids: list[str]) -> None:
    content = made("single", {"options": parts(ids)}, {"option": ids[1]})

    assert neutral(content) == content


def test_an_option_is_not_called_right() -> None:
    content = made(
        "single", {"options": parts(TELLING)}, {"option": "right"}, feedback={"right": "Yes", "other": "No"}
    )

    renamed: Any = neutral(content)

    assert {one.id for one in renamed.body.options} == {"1", "2", "3", "4"}
    assert [one.text for one in renamed.body.options] == list("ABCD")
    assert in_words(renamed) == in_words(content)
    assert renamed.feedback == {renamed.key.option: "Yes", "other": "No"}
    assert "right" not in paper_of(renamed).model_dump_json()


def test_in_a_file_the_first_option_is_often_right_so_places_go() -> None:
    found: set[str] = set()
    for number in range(20):
        body = {"options": parts(["1", "2", "3", "4"])}
        content = made("single", body, {"option": "1"}, stem=f"Which is {number}?")
        renamed: Any = neutral(content, by_place=True)
        assert in_words(renamed) == in_words(content)
        found.add(renamed.key.option)

    assert found == {"1", "2", "3", "4"}


@given(st.permutations(["1", "2", "3", "10"]))
def test_an_order_does_not_follow_from_the_ids(order: list[str]) -> None:
    content = ordering(["1", "2", "3", "10"], order)

    renamed = neutral(content)

    assert in_words(renamed) == in_words(content)
    in_a_row = order in (["1", "2", "3", "10"], ["10", "3", "2", "1"])
    assert (renamed == content) == (not in_a_row)


def test_whether_two_were_renamed_says_nothing_about_them() -> None:
    one, other = ordering(["a", "b"], ["a", "b"]), ordering(["a", "b"], ["b", "a"])

    papers = {paper_of(neutral(content)).model_dump_json() for content in (one, other)}

    assert len(papers) == 1


def test_pairs_do_not_follow_from_the_ids() -> None:
    body = {"left": parts(["l1", "l2", "l3"]), "right": parts(["r1", "r2", "r3", "r4"], "WXYZ")}
    straight = made("matching", body, {"pairs": {"l1": "r1", "l2": "r2", "l3": "r3"}})
    crossed = made("matching", body, {"pairs": {"l1": "r2", "l2": "r1", "l3": "r4"}})

    renamed: Any = neutral(straight)

    assert in_words(renamed) == in_words(straight)
    assert {one.id for one in renamed.body.right} == {"1", "2", "3", "4"}
    assert neutral(crossed) == crossed


def test_a_blank_is_not_called_by_its_answer() -> None:
    blank = {"id": "paris", "type": "single", "options": parts(["right", "wrong"])}
    body = {"text": "The capital is [[paris]], not [[rome]].", "blanks": [blank, {"id": "rome"}]}
    keys = {"paris": {"option": "right"}, "rome": {"answers": [{"text": "Rome"}]}}
    content = made("cloze", body, {"blanks": keys}, feedback={"rome": "It lies in Italy."})

    renamed: Any = neutral(content)

    assert renamed.body.text == "The capital is [[1]], not [[2]]."
    assert renamed.key.blanks["1"].option in ("1", "2")
    assert renamed.feedback == {"2": "It lies in Italy."}
    assert not {"paris", "right"} & set(paper_of(renamed).model_dump_json().split('"'))


def test_the_children_of_a_set_are_renamed_too() -> None:
    child = {
        "type": "single",
        "stem": "Who?",
        "body": {"options": parts(TELLING)},
        "key": {"option": "right"},
    }
    content = made("passage_set", {"passage": "Once.", "children": [child]}, None)

    renamed: Any = neutral(content)

    assert "right" not in renamed.model_dump_json()
    assert in_words(renamed.body.children[0]) == {"A": 1}
