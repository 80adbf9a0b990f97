"""The papers of published tests, kept in the process: they never change, so nothing has to be asked again."""

import threading
from collections import OrderedDict
from typing import Final

from services.assessments.documents import AssessmentPaper
from services.assessments.repository import PaperRepository
from utils.scope import Scope

KEPT: Final = 64


class Papers:
    """Hands out papers, the last ``KEPT`` of them without a question to the database."""

    def __init__(self, papers: PaperRepository) -> None:
        self._papers = papers
        self._kept: OrderedDict[tuple[str, str], AssessmentPaper] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, campus_id: str, test_id: str) -> AssessmentPaper | None:
        """Return the paper of a campus's published test."""
        key = (campus_id, test_id)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        paper = self._papers.find(Scope.campus(campus_id), test_id)
        if paper is not None:
            with self._lock:
                self._kept[key] = paper
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return paper
