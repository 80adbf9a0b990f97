"""In which order an attempt shows a paper: fixed for ever by what stands here."""

from collections import Counter
from typing import Any

from services.assessments.arrangement import arranged

SEED = "0f9e8d7c6b5a"


def options(*names: str, pinned: str = "") -> list[dict[str, Any]]:
    return [{"id": name, "text": f"Option {name}", "pinned": name in pinned} for name in names]


def slot(number: int, kind: str = "single", **body: Any) -> dict[str, Any]:
    return {"slot": str(number), "type": kind, "stem": f"Question {number}", "body": body}


PAPER = (
    {"title": "One", "slots": [slot(n, options=options(*"abcd")) for n in range(1, 7)]},
    {
        "title": "Two",
        "slots": [
            slot(7, options=options(*"abcde", pinned="e")),
            slot(8, "matching", left=options("1", "2"), right=options(*"abc")),
            slot(9, "ordering", items=options(*"abcd")),
            slot(10, "cloze", text="[[1]]", blanks=[{"id": "1", "options": options(*"abc")}, {"id": "2"}]),
            slot(11, "passage_set", children=[{"id": "x", "body": {"options": options(*"abcd")}}]),
            slot(12, "true_false"),
        ],
    },
)


def order(sections: Any) -> list[str]:
    return [slot["slot"] for section in sections for slot in section["slots"]]


def letters(parts: Any) -> str:
    return "".join(part["id"] for part in parts)


def shown(seed: str, *, questions: bool = True, options: bool = True) -> Any:
    return arranged(PAPER, seed, shuffle_questions=questions, shuffle_options=options)


def bodies(sections: Any) -> dict[str, Any]:
    return {slot["slot"]: slot["body"] for section in sections for slot in section["slots"]}


def test_the_order_for_a_seed_is_this_one_for_ever() -> None:
    of = bodies(shown(SEED))

    assert order(shown(SEED)) == ["5", "1", "4", "3", "2", "6", "10", "9", "12", "11", "8", "7"]
    assert [letters(of[str(n)]["options"]) for n in range(1, 8)] == [
        "abcd",
        "bdca",
        "adbc",
        "dacb",
        "adcb",
        "badc",
        "abcde",
    ]
    assert letters(of["8"]["right"]) == "bca"
    assert letters(of["9"]["items"]) == "dbca"
    assert letters(of["10"]["blanks"][0]["options"]) == "bca"
    assert letters(of["11"]["children"][0]["body"]["options"]) == "acbd"


def test_nothing_moves_that_is_not_to_be_shuffled() -> None:
    assert shown(SEED, questions=False, options=False) == list(PAPER)
    assert order(shown(SEED, questions=False)) == order(PAPER)
    assert bodies(shown(SEED, options=False)) == bodies(PAPER)


def test_sections_keep_their_order_and_their_questions() -> None:
    for n in range(50):
        sections = shown(f"seed {n}")

        assert [section["title"] for section in sections] == ["One", "Two"]
        assert [sorted(map(int, order([section]))) for section in sections] == [
            [1, 2, 3, 4, 5, 6],
            [7, 8, 9, 10, 11, 12],
        ]


def test_a_pinned_option_keeps_its_place() -> None:
    assert {letters(bodies(shown(f"seed {n}"))["7"]["options"])[-1] for n in range(50)} == {"e"}


def test_every_place_gets_every_option_about_as_often() -> None:
    first = Counter(letters(bodies(shown(f"seed {n}"))["1"]["options"])[0] for n in range(2_000))

    assert set(first) == set("abcd")
    assert all(400 < count < 600 for count in first.values())


def test_the_order_does_not_depend_on_how_the_author_wrote_it() -> None:
    turned = [{**section, "slots": section["slots"][::-1]} for section in PAPER]

    assert order(arranged(turned, SEED, shuffle_questions=True, shuffle_options=False)) == order(shown(SEED))


def test_the_paper_itself_is_left_as_it_is() -> None:
    before = repr(PAPER)

    shown(SEED)

    assert repr(PAPER) == before
