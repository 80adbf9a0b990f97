import pytest

from services.students.search import Search, terms_of


def test_a_student_is_found_by_name_roll_number_and_both_forms_of_the_mobile_number() -> None:
    terms = terms_of("Asha Rao", "21/CS/045", "+919876543210")

    assert {"as", "asha", "rao", "21", "cs", "045", "98", "9876543210", "9198765432"} <= set(terms)
    assert list(terms) == sorted(set(terms))


@pytest.mark.parametrize("typed", ["98765 43210", "+91 98765 43210", "098765-43210", "(98765) 43210"])
def test_a_mobile_number_is_read_as_people_write_it(typed: str) -> None:
    assert Search.of(typed, "IN") == Search(("9876543210",))


@pytest.mark.parametrize("typed", ["9876543210", "09876543210", "919876543210", "2021001"])
def test_digits_alone_may_be_a_roll_number(typed: str) -> None:
    search = Search.of(typed, "IN")

    assert search is not None
    assert search.terms == (typed[:10],)
    assert search.terms[0] in terms_of("Asha", typed, None)


def test_the_most_telling_term_comes_first() -> None:
    search = Search.of("ra kumar", "IN")

    assert search is not None
    assert search.conditions == [{"terms": {"$all": ["kumar", "ra"]}}]


def test_nothing_to_look_for_is_no_search() -> None:
    assert Search.of(" -- ", "IN") is None


def test_a_long_roll_number_has_to_begin_with_all_that_was_typed() -> None:
    search = Search.of("2021BTECHCSE004", "IN")

    assert search is not None
    assert search.longer == ("2021btechcse004",)
    assert search.conditions[0] == {"terms": "2021btechc"}


@pytest.mark.parametrize("typed", ["$where: 1", '{"$gt": ""}', "a.*b", "(a+)+$", "\u0000", "x" * 100])
def test_whatever_is_typed_becomes_plain_values(typed: str) -> None:
    search = Search.of(typed, "IN")

    for condition in search.conditions if search else []:
        assert "$regex" not in str(condition)
        assert "$where" not in str(condition)
