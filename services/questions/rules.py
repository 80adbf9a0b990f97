"""The named scoring rules, and what each takes. The name is stored with a version, and shown with a score."""

from typing import Literal, Self

from pydantic import model_validator

from services.questions.parts import Part, Share
from utils.decimals import ONE, ZERO, Amount


class Scoring(Part):
    """``certainty``: the student says how sure they are (1 to 3), and that changes what it earns or costs."""

    rule: str
    certainty: bool = False


class ChoiceScoring(Scoring):
    """``fraction``: that of the option; ``wrong`` is what a wrong one costs. ``formula``: a wrong one costs
    1/(k-1) of k options. ``all_or_nothing``: only the whole mark counts."""

    rule: Literal["fraction", "formula", "all_or_nothing"] = "fraction"
    wrong: Share = ZERO


class MultipleScoring(Scoring):
    """``lower`` and ``upper`` bound what ``mapped`` gives."""

    rule: Literal[
        "all_or_nothing",
        "option_fractions",
        "right_minus_wrong",
        "proportional",
        "proportional_minus",
        "mapped",
    ] = "all_or_nothing"
    lower: Amount = ZERO
    upper: Amount = ONE

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not -1 <= self.lower <= 0 < self.upper <= 1:
            raise ValueError("lower lies between -1 and 0, upper above 0 and at most at 1")
        return self


class NumericScoring(Scoring):
    rule: Literal["tolerance"] = "tolerance"


class TextComparison(Scoring):
    """How texts are compared, in NFC. White space: ``collapse`` runs of it, ``ignore`` all, or ``exact``."""

    case_matters: bool = False
    accents_matter: bool = True
    white_space: Literal["collapse", "ignore", "exact"] = "collapse"


class ShortTextScoring(TextComparison):
    rule: Literal["accepted_answers"] = "accepted_answers"


class PartsScoring(Scoring):
    rule: Literal["parts", "all_or_nothing"] = "parts"


class ClozeScoring(TextComparison):
    rule: Literal["parts", "all_or_nothing"] = "parts"


class OrderingScoring(Scoring):
    rule: Literal["parts", "exact", "adjacent_pairs"] = "parts"


class SetScoring(Part):
    rule: Literal["children"] = "children"


class EssayScoring(Part):
    rule: Literal["rubric"] = "rubric"


class SpokenScoring(Part):
    """``word_error_rate``: 1 less the WER. ``similarity``: 0.7 sequence ratio and 0.3 word overlap."""

    rule: Literal["rubric", "word_error_rate", "similarity"] = "rubric"


class CodeScoring(Part):
    rule: Literal["weighted_cases"] = "weighted_cases"
