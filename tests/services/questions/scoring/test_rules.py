"""The named rules one by one: worked examples, and what holds for every answer."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.questions.parts import NumericAnswer, TextAnswer, Tolerance
from services.questions.rules import ShortTextScoring
from services.questions.scoring import choices, parts, speech, texts
from services.questions.scoring.marks import GradeMethod, grade, total, with_certainty, with_penalty
from services.questions.scoring.numbers import read_number, tolerated, within
from services.questions.scoring.programs import CaseResult, Verdict, weighted_cases
from utils.decimals import ONE, ZERO, plain, rounded

D = Decimal
NAMES = "abcdefgh"
OPTIONS = st.integers(2, 8).map(lambda count: NAMES[:count])
FRACTIONS = st.dictionaries(st.sampled_from(NAMES), st.decimals(-1, 1, places=5), min_size=1)


@st.composite
def choosing(draw: Any) -> tuple[frozenset[str], frozenset[str], int]:
    """What was chosen, what is right, of how many options."""
    options = draw(OPTIONS)
    right = draw(st.frozensets(st.sampled_from(options), min_size=1))
    return draw(st.frozensets(st.sampled_from(options))), right, len(options)


def rules_of(chosen: frozenset[str], right: frozenset[str], options: int) -> dict[str, Decimal]:
    return {
        "all_or_nothing": choices.all_or_nothing(chosen, right),
        "right_minus_wrong": choices.right_minus_wrong(chosen, right),
        "proportional": choices.proportional(chosen, right, options),
        "proportional_minus": choices.proportional_minus(chosen, right, options),
    }


@given(choosing())
def test_multiple_rules_stay_between_nothing_and_all_and_only_what_is_right_earns_all(case: Any) -> None:
    chosen, right, _ = case
    for name, earned in rules_of(*case).items():
        assert 0 <= earned <= 1, name
        assert (earned == 1) == (chosen == right), name
        assert chosen or earned == 0, name


@given(choosing())
def test_one_more_right_option_never_costs_and_one_more_wrong_never_earns(case: Any) -> None:
    chosen, right, options = case
    if not chosen:
        return
    before = rules_of(chosen, right, options)
    for one in NAMES[:options]:
        if one not in chosen:
            after = rules_of(chosen | {one}, right, options)
            for name in before.keys() - ({"all_or_nothing"} if one in right else set()):
                assert (after[name] >= before[name]) if one in right else (after[name] <= before[name]), name


@given(st.sets(st.sampled_from(NAMES)), FRACTIONS)
def test_fractions_and_mapped_values_stay_within_their_bounds(
    chosen: set[str], values: dict[str, Decimal]
) -> None:
    lower, upper = D("-0.5"), D("0.75")

    assert 0 <= choices.option_fractions(chosen, values) <= 1
    assert lower <= choices.mapped(chosen, values, lower, upper) <= upper
    assert choices.option_fractions(set(), values) == choices.mapped(set(), values, lower, upper) == 0


@given(st.permutations(NAMES), FRACTIONS)
def test_the_order_of_choosing_does_not_matter(order: list[str], values: dict[str, Decimal]) -> None:
    one, other = (
        choices.mapped(dict.fromkeys(some).keys(), values, D(-1), D(1)) for some in (order, order[::-1])
    )

    assert one == other


@pytest.mark.parametrize(
    ("earned", "wanted"),
    [
        (choices.fraction("a", {"a": ONE}), "1"),
        (choices.fraction("b", {"a": ONE}, D("0.25")), "-0.25"),
        (choices.fraction("b", {"a": ONE, "b": D("0.5")}, D("0.25")), "0.5"),
        (choices.fraction(None, {"a": ONE}, D("0.25")), "0"),
        (choices.formula(False, 5), "-0.25"),
        (choices.formula(True, 5), "1"),
        (choices.formula(None, 5), "0"),
        (choices.option_fractions({"a", "b", "c"}, dict.fromkeys("abc", D("0.3333333"))), "1"),
        (choices.option_fractions({"a", "x"}, {"a": D("0.5"), "b": D("0.5"), "x": D("-1")}), "0"),
        (choices.right_minus_wrong({"a", "b", "x"}, {"a", "b"}), "0.5"),
        (choices.proportional({"a"}, {"a", "b"}, 4), "0.75"),
        (choices.proportional_minus({"a"}, {"a", "b"}, 4), "0.5"),
        (choices.proportional_minus({"c", "d"}, {"a", "b"}, 4), "0"),
        (choices.mapped({"x"}, {"a": ONE, "x": D("-0.8")}, D("-0.5"), ONE), "-0.5"),
        (parts.parts(parts.pairs({"1": "a", "2": "x"}, {"1": "a", "2": "b"})), "0.5"),
        (parts.whole(parts.pairs({"1": "a", "2": "x"}, {"1": "a", "2": "b"})), "0"),
        (parts.parts(parts.places(list("abdc"), "abcd")), "0.5"),
        (parts.exact("abdc", "abcd"), "0"),
        (parts.exact("abcd", "abcd"), "1"),
        (parts.adjacent_pairs("bcda", "abcd"), "0.6666667"),
        (with_certainty(ONE, 3), "3"),
        (with_certainty(ZERO, 3), "-6"),
        (with_certainty(ZERO, 1), "0"),
        (with_certainty(D("0.5"), 2), "1"),
        (with_penalty(ZERO, D("0.25")), "-0.25"),
        (with_penalty(ONE, D("0.25")), "1"),
        (total([D(-3), D(1)], ZERO), "0"),
        (total([D(-3), D(1)]), "-2"),
    ],
)
def test_worked_examples(earned: Decimal, wanted: str) -> None:
    assert plain(rounded(earned, 7)) == wanted


@given(st.integers(2, 10))
def test_guessing_earns_nothing_under_formula_scoring(options: int) -> None:
    one_of_each = [choices.formula(number == 0, options) for number in range(options)]

    assert abs(sum(one_of_each, ZERO)) < D("1e-20")


@given(st.permutations("abcde"))
def test_an_order_earns_all_only_when_it_is_the_right_one(order: list[str]) -> None:
    for earned in (
        parts.parts(parts.places(order, "abcde")),
        parts.exact(order, "abcde"),
        parts.adjacent_pairs(order, "abcde"),
    ):
        assert 0 <= earned <= 1
        assert (earned == 1) == ("".join(order) == "abcde")


@pytest.mark.parametrize(
    ("text", "comma", "wanted"),
    [
        ("3.14", False, "3.14"),
        (" +3. ", False, "3"),
        ("\u22122,5", True, "-2.5"),
        ("2,5", False, None),
        ("1,000.5", True, None),
        ("6.02e23", False, "6.02E+23"),
        ("1e999", False, None),
        ("12 kg", False, "12"),
        ("12 lb", False, None),
        ("NaN", False, None),
        ("١٢", False, "12"),
        ("\u20135 kg", False, "-5"),
        ("10\u00b2", False, None),
        ("", False, None),
    ],
)
def test_numbers_are_read_as_people_type_them(text: str, comma: bool, wanted: str | None) -> None:
    found = read_number(text, decimal_comma=comma, unit="kg")

    assert found == (None if wanted is None else D(wanted))


@pytest.mark.parametrize(
    ("text", "unit"),
    [("5 \u2126", "\u03a9"), ("5\u00b5m", "\u03bcm"), ("5 m\u00b2", "m2"), ("5\u338f", "kg")],
)
def test_a_unit_is_the_same_in_every_form_that_unicode_has_for_it(text: str, unit: str) -> None:
    assert read_number(text, unit=unit) == 5


@pytest.mark.parametrize(
    ("tolerance", "key", "inside", "outside"),
    [
        (Tolerance(value=D("0.01")), "3.14", "3.15", "3.1501"),
        (Tolerance(kind="relative", value=D("0.1")), "-50", "-55", "-55.01"),
        (Tolerance(kind="geometric", value=D(1)), "10", "5", "4.99"),
        (Tolerance(kind="geometric", value=D(1)), "-10", "-20", "-20.1"),
        (Tolerance(kind="range", value=ZERO, low=D(-5), high=D(5)), "0", "-5", "5.0001"),
        (Tolerance(kind="digits", value=D(3)), "0.0012345", "0.001231", "0.001224"),
    ],
)
def test_tolerances_reach_to_their_bounds_and_no_further(
    tolerance: Tolerance, key: str, inside: str, outside: str
) -> None:
    assert within(D(key), D(key), tolerance)
    assert within(D(inside), D(key), tolerance)
    assert not within(D(outside), D(key), tolerance)


@given(st.decimals(-1000, 1000, places=4), st.decimals(-1000, 1000, places=4), st.decimals(0, 10, places=3))
def test_a_wider_tolerance_accepts_what_a_narrower_one_does(
    given_: Decimal, key: Decimal, t: Decimal
) -> None:
    for kind in ("nominal", "relative", "geometric"):
        narrow, wide = (Tolerance(kind=kind, value=value) for value in (t, 2 * t))
        assert within(given_, key, wide) or not within(given_, key, narrow)


def test_the_best_of_several_numbers_counts() -> None:
    answers = [
        NumericAnswer(value=D(1822), tolerance=Tolerance(value=D(2)), fraction=D("0.5")),
        NumericAnswer(value=D(1822)),
    ]

    assert [tolerated(D(one), answers) for one in (1822, 1824, 1825)] == [ONE, D("0.5"), ZERO]


@pytest.mark.parametrize(
    ("text", "pattern", "how", "same"),
    [
        ("  The   END ", "the end", {}, True),
        ("the end", "The end", {"case_matters": True}, False),
        ("resume", "résumé", {}, False),
        ("resume", "résumé", {"accents_matter": False}, True),
        ("re\u0301sume\u0301", "résumé", {}, True),
        ("\u0915\u0941\u0932", "\u0915\u0932", {"accents_matter": False}, False),
        ("New York", "newyork", {"white_space": "ignore"}, True),
        ("a  b", "a b", {"white_space": "exact"}, False),
        ("STRASSE", "straße", {}, True),
        ("carbon dioxide", "carbon*", {}, True),
        ("carbon", "carbon *", {}, True),
        ("an apple a day", "*apple*day", {}, True),
        ("an apple", "apple*", {}, False),
        ("aba", "ab*ba", {}, False),
        ("5*3", "5\\*3", {}, True),
        ("5x3", "5\\*3", {}, False),
        ("a.c", "a.c", {}, True),
        ("abc", "a.c", {}, False),
        ("(a+)+", "(a+)+", {}, True),
    ],
)
def test_short_texts(text: str, pattern: str, how: Any, same: bool) -> None:
    assert texts.matches(text, pattern, ShortTextScoring(**how)) is same


@given(st.text(max_size=30), st.lists(st.text(alphabet="ab é*\\", max_size=10), max_size=5))
def test_what_is_in_between_fits_a_wildcard(middle: str, pieces: list[str]) -> None:
    how = ShortTextScoring(white_space="exact")
    escaped = [piece.replace("\\", "").replace("*", "\\*") for piece in pieces]
    plain_pieces = [piece.replace("\\", "") for piece in pieces]

    assert texts.matches(middle.join(plain_pieces), "*".join(escaped) or "*", how) or len(pieces) == 0


def test_wildcards_of_a_hostile_author_and_student_take_no_time() -> None:
    assert not texts.matches("a" * 1000 + "b", "*a" * 200 + "*c", ShortTextScoring())


def test_the_best_accepted_answer_counts_in_any_order() -> None:
    answers = [TextAnswer(text="*burg", fraction=D("0.5")), TextAnswer(text="Hamburg")]

    for some in (answers, answers[::-1]):
        assert texts.accepted("hamburg", some, ShortTextScoring()) == 1
        assert texts.accepted("Marburg", some, ShortTextScoring()) == D("0.5")
        assert texts.accepted("  ", some, ShortTextScoring()) == 0


@pytest.mark.parametrize(
    ("wanted", "heard", "rate"),
    [
        ("the cat sat on the mat", "The cat sat, on the mat!", "0"),
        ("the cat sat on the mat", "the cat sit on mat", "0.3333333"),
        ("a b", "x y z", "1.5"),
        ("don\u2019t go", "don't go", "0"),
        ("a b c d", "", "1"),
    ],
)
def test_word_error_rates(wanted: str, heard: str, rate: str) -> None:
    found = speech.word_error_rate(speech.words(wanted), speech.words(heard))

    assert plain(rounded(found, 7)) == rate
    assert speech.word_accuracy(wanted, heard) == max(ZERO, ONE - found)


@given(st.text(max_size=60), st.text(max_size=60))
def test_speech_stays_between_nothing_and_all(wanted: str, heard: str) -> None:
    for rule in (speech.word_accuracy, speech.similarity):
        assert 0 <= rule(wanted, heard) <= 1
        assert rule(wanted, wanted) == (1 if speech.words(wanted) or rule is speech.word_accuracy else 0)


def test_similarity_weighs_the_sequence_and_the_words() -> None:
    # letters: 14 of 11 + 17 agree twice over; words: 3 of 4
    assert rounded(speech.similarity("one two three four", "one two four"), 4) == D("0.7850")
    assert speech.over(D("0.78"), D("0.785")) == 1
    assert speech.over(D("0.79"), D("0.785")) == 0


def test_programs_earn_the_weight_of_what_they_pass_and_half_of_it_when_slow() -> None:
    results = [
        CaseResult(ZERO, Verdict.ACCEPTED),
        CaseResult(D(2), Verdict.ACCEPTED),
        CaseResult(D(2), Verdict.ACCEPTED, slow=True),
        *(CaseResult(D(1), verdict) for verdict in Verdict if verdict is not Verdict.ACCEPTED),
    ]

    assert weighted_cases(results) == D(3) / D(9)
    assert weighted_cases([CaseResult(ZERO, Verdict.ACCEPTED)]) == 0


@given(st.lists(st.decimals(-10, 10, places=2), min_size=1))
def test_grades_lie_among_the_attempts(marks: list[Decimal]) -> None:
    for method in GradeMethod:
        found = grade(marks, method)
        assert found is not None
        assert min(marks) - D("1e-20") <= found <= max(marks) + D("1e-20")
    assert grade(marks, GradeMethod.FIRST) == marks[0]
    assert grade(marks, GradeMethod.LAST) == marks[-1]
    assert grade([], GradeMethod.MEAN) is None
