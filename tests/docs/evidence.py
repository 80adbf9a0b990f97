"""What documents may name as proof: tests that are there, and files."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def known_tests() -> frozenset[str]:
    """Return every test as ``tests/…::test_name``; of a parametrised one the name without its parameters."""
    return frozenset(
        f"{path.relative_to(ROOT).as_posix()}::{name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for name in _tests_of(path)
    )


def gone(proofs: Iterable[str]) -> list[str]:
    """Return which of these are neither a test nor a file of the repository."""
    return [
        proof
        for proof in proofs
        if not (proof in known_tests() if "::" in proof else (ROOT / proof).is_file())
    ]


def _tests_of(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name
