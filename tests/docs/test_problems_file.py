"""docs/problems.md: what ``make problems`` writes, kept up with the problem types."""

from pathlib import Path

from flask import Flask

from utils.problems import Problem


def test_it_is_what_the_problem_types_say_now(described: Flask, docs: Path) -> None:
    printed = described.test_cli_runner().invoke(args=["problems"], catch_exceptions=False).stdout

    assert (docs / "problems.md").read_text(encoding="utf-8") == printed, "run: make problems"


def test_every_problem_type_says_in_its_own_words_what_it_means() -> None:
    assert [kind.__name__ for kind in Problem.kinds() if not vars(kind).get("__doc__")] == []
