"""MarkingProvider where there is none: every essay and recording waits for a person."""

from services.results.providers import OpenAnswer, Suggestion


class NoMarker:
    """Suggests nothing."""

    name = "none"

    def suggest(self, _answer: OpenAnswer) -> Suggestion | None:
        """Return nothing."""
        return None
