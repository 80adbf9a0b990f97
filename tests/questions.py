"""A question of every type, as clients send it; what only authors may see is a canary, ``KEY-…``."""

from typing import Any, Final

PLACE: Final = {"module": "GRAMMAR", "level": "BEGINNER", "tags": ["spring"], "difficulty": "easy"}
CANARY: Final = "KEY-"


def canary(name: str) -> str:
    """Return a text that may stand in no paper."""
    return f"{CANARY}{name}"


def question(kind: str, body: dict[str, Any], key: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """Return a question of the place that all of them are in."""
    sent: dict[str, Any] = {"type": kind, "stem": f"What is right ({kind})?", "body": body, **PLACE}
    if key is not None:
        sent["key"] = key
    sent["explanation"] = canary("explanation")
    return sent | more


OPTIONS: Final = [{"id": name, "text": f"Option {name}"} for name in "abcd"]
TWO: Final = [{"id": "1", "text": "One"}, {"id": "2", "text": "Two"}]
RUBRIC: Final = [
    {"id": "c", "text": canary("criterion"), "levels": [{"text": canary("level"), "points": "2"}]}
]

SINGLE: Final = question("single", {"options": OPTIONS}, {"option": "b"}, feedback={"a": canary("feedback")})
QUESTIONS: Final[dict[str, dict[str, Any]]] = {
    "single": SINGLE,
    "multiple": question(
        "multiple",
        {"options": OPTIONS},
        {"fractions": {"a": "0.51234", "b": "0.48766", "c": "-0.77777"}},
        scoring={"rule": "mapped", "lower": "-0.66666", "upper": "1"},
    ),
    "true_false": question("true_false", {}, {"value": True}, feedback={"false": canary("feedback")}),
    "numeric": question(
        "numeric",
        {"unit": "m"},
        {"value": "987654.321", "tolerance": {"kind": "range", "low": "987650", "high": "987660.123"}},
    ),
    "short_text": question(
        "short_text",
        {},
        {"answers": [{"text": canary("answer*"), "fraction": "1"}, {"text": "x", "fraction": "0.31415"}]},
    ),
    "matching": question(
        "matching",
        {"left": TWO, "right": [*OPTIONS]},
        {"pairs": {"1": "c", "2": "a"}},
        feedback={"1": canary("feedback")},
    ),
    "ordering": question("ordering", {"items": OPTIONS}, {"order": ["c", "a", "d", "b"]}),
    "cloze": question(
        "cloze",
        {
            "text": "It [[1]] and [[2]] and [[3]].",
            "blanks": [
                {"id": "1", "type": "short_text"},
                {"id": "2", "type": "numeric"},
                {"id": "3", "type": "single", "options": TWO},
            ],
        },
        {
            "blanks": {
                "1": {"answers": [{"text": canary("blank"), "fraction": "1"}]},
                "2": {"value": "987654.321"},
                "3": {"option": "2"},
            }
        },
    ),
    "essay": question("essay", {"min_words": 10, "max_words": 200}, {"rubric": RUBRIC}),
    "spoken": question(
        "spoken",
        {"prompt": "Repeat.", "reference_text": canary("heard"), "max_seconds": 30, "task": "repeat"},
        {"rubric": RUBRIC, "threshold": "0.87654"},
        scoring={"rule": "word_error_rate"},
    ),
    "code": question(
        "code",
        {"languages": ["python"], "samples": [{"input": "1", "output": "1"}]},
        {
            "cases": [
                {"input": "1", "output": "1", "weight": "0", "hidden": False},
                {"input": canary("input"), "output": canary("output"), "weight": "1.2345", "time_ms": 54321},
            ]
        },
    ),
}


def child(kind: str, **more: Any) -> dict[str, Any]:
    """Return a question as it stands in a set."""
    return {name: part for name, part in QUESTIONS[kind].items() if name not in PLACE} | more


CHILDREN: Final = [child(kind, id=kind) for kind in QUESTIONS]
QUESTIONS["passage_set"] = question(
    "passage_set", {"passage": "Once upon a time.", "children": CHILDREN}, None
)
QUESTIONS["listening_set"] = question(
    "listening_set", {"passage": canary("script"), "plays": 2, "children": CHILDREN}, None
)
