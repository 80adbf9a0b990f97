"""CodeRunner where programs cannot be locked in: none is run, and their answers wait for a person."""

from collections.abc import Iterator, Sequence

from services.results.documents import CaseFound
from services.results.providers import Program, RunnerAway, Trial


class NoRunner:
    """Runs nothing."""

    languages: frozenset[str] = frozenset()

    def run(self, _program: Program, _trials: Sequence[Trial]) -> Iterator[CaseFound]:
        """Refuse."""
        raise RunnerAway("there is no runner")
