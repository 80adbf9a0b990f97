"""The normal forms of what identifies a person."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.identifiers import (
    NotAllowed,
    email_of,
    identifier_forms,
    login_forms,
    mobile_of,
    name_of,
    roll_number_of,
    search_term,
    search_terms,
    username_of,
)


def wide(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


# --- usernames and roll numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "username", "shown"),
    [
        ("21/CS/045", "21/cs/045", "21/CS/045"),
        ("  ADMIN\u00a0", "admin", "ADMIN"),
        (wide("Admin-1"), "admin-1", "Admin-1"),
        ("0007", "0007", "0007"),
        ("a" * 64, "a" * 64, "a" * 64),
    ],
)
def test_a_roll_number_has_one_username_whatever_the_case_and_width(
    typed: str, username: str, shown: str
) -> None:
    assert username_of(typed) == username
    assert roll_number_of(typed) == shown


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "-",
        "../",
        "a" * 65,
        "two words",
        "\N{CYRILLIC SMALL LETTER A}dmin",
        "adm\N{LATIN SMALL LETTER DOTLESS I}n",
        "ad\u200bmin",
        "admin\u0301",
        "admin\x00",
        "21@cs",
        "$where",
        "=1",
        pytest.param("x" * 100_000, id="endless"),
    ],
)
def test_twins_of_a_username_and_what_is_none_are_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(NotAllowed, match=r"\.$") as refusal:
        roll_number_of(typed)

    assert len(str(refusal.value)) < 250


def test_the_refusal_names_the_letter_that_only_looks_right() -> None:
    with pytest.raises(NotAllowed, match='not "\N{CYRILLIC SMALL LETTER A}"'):
        username_of("\N{CYRILLIC SMALL LETTER A}dmin")


@given(st.text(max_size=80))
def test_the_username_of_a_username_is_itself(text: str) -> None:
    try:
        username = username_of(text)
    except NotAllowed:
        return
    assert username_of(username) == username
    assert username_of(roll_number_of(text)) == username


# --- mobile numbers and addresses -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "9876543210",
        " 98765 43210 ",
        "98765-43210",
        "98765\N{EN DASH}43210",
        "09876543210",
        "+919876543210",
        "+91 (98765) 43210",
        "0091 98765 43210",
        "919876543210",
        "+91 (0) 98765 43210",
        wide("+91 9876543210"),
        "९८७६५ ४३२१०",
        "\u202a+91 98765 43210\u202c",
    ],
)
def test_a_mobile_number_has_one_form_however_it_is_written(typed: str) -> None:
    assert mobile_of(typed, "IN") == "+919876543210"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345",
        "98765432101",
        "5876543210",
        "040 2345 6789",
        "1800 123 4567",
        "9876543210 / 9876543211",
        "9876543210, 9876543211",
        "9876543210 ext 5",
        "98765-FLOWER",
        "tel:+919876543210",
        "+91+9876543210",
        "9.19877E+11",
        pytest.param("9" * 100_000, id="endless"),
    ],
)
def test_what_is_no_mobile_number_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(NotAllowed, match=r"\.$"):
        mobile_of(typed, "IN")


def test_a_number_of_another_country_needs_its_code() -> None:
    assert mobile_of("+1 650 253 0000", "IN") == "+16502530000"
    assert mobile_of("8123 4567", "SG") == "+6581234567"
    with pytest.raises(NotAllowed):
        mobile_of("8123 4567", "IN")


def test_an_email_address_is_kept_in_lower_case() -> None:
    assert email_of(" Asha.Rao@Example.COM ") == "asha.rao@example.com"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "asha",
        "asha@",
        "@example.com",
        "a b@example.com",
        "asha@localhost",
        "Asha <asha@example.com>",
        "a@example.com, b@example.com",
        f"{'a' * 64}@{'b.' * 100}example.com",
        pytest.param("a@" + "b" * 100_000, id="endless"),
    ],
)
def test_what_is_no_email_address_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(NotAllowed, match=r"\.$"):
        email_of(typed)


# --- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Asha \t Rao\n", "Asha Rao"),
        ("Agne\u0300s", "Agnès"),
        ("O'Brien-Müller, Jr.", "O'Brien-Müller, Jr."),
        ("क्\u200dष", "क्\u200dष"),
        ("می\u200cنو", "می\u200cنو"),
        ("\N{CJK UNIFIED IDEOGRAPH-674E}\U00031350", "\N{CJK UNIFIED IDEOGRAPH-674E}\U00031350"),
        ("’t Hooft", "’t Hooft"),  # noqa: RUF001  a name is written so
        ("X", "X"),
        ("K.Ramesh D/O A.M.Rao", "K.Ramesh D/O A.M.Rao"),
    ],
)
def test_a_name_in_any_script_stays_whole(typed: str, name: str) -> None:
    assert name_of(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " \u200d ",
        "12345",
        "???",
        "=HYPERLINK(1)",
        "+Asha",
        "-Asha",
        "@Asha",
        wide("=Asha"),
        "\u200c=Asha",
        "Asha\x00",
        "Asha\x1b[31m",
        "Asha\u202eoaR",
        "Asha\u2066Rao",
        "Asha\u200bRao",
        "As\ufffdha",
        "Asha\ufeff",
        f"As{chr(0xD800)}ha",
        "Asha\ue000",
        "Asha, pay at https://evil.example",
        "Asha www.evil.example",
        "Asha bit.ly/x",
        "asha@evil.example",
        wide("Asha www.evil.example"),
        "a" * 201,
        pytest.param("a" * 100_000, id="endless"),
    ],
)
def test_what_is_no_name_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(NotAllowed, match=r"\.$") as refusal:
        name_of(typed)

    str(refusal.value).encode()
    assert "\u202e" not in str(refusal.value)


@given(st.text(min_size=1, max_size=300))
def test_a_name_is_never_cut(text: str) -> None:
    try:
        name = name_of(text)
    except NotAllowed:
        return
    assert name == " ".join(unicodedata.normalize("NFC", text).split())
    assert name_of(name) == name


# --- logins -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "forms"),
    [
        ("21/CS/045", ("21/cs/045",)),
        ("9876543210", ("9876543210", "919876543210")),
        ("+91 98765 43210", ("919876543210",)),
        ("Asha@Example.com", ("asha@example.com",)),
        ("two words", ()),
        ("", ()),
        pytest.param("x" * 100_000, (), id="endless"),
        ("\N{CYRILLIC SMALL LETTER A}dmin", ()),
    ],
)
def test_a_typed_login_is_looked_up_under_all_it_may_mean(typed: str, forms: tuple[str, ...]) -> None:
    assert login_forms(typed, "IN") == forms


@pytest.mark.parametrize("roll_number", ["9876543210", "09876543210", "919876543210", "98765-43210"])
def test_a_username_that_could_be_a_mobile_number_reserves_that_number(roll_number: str) -> None:
    forms = identifier_forms(username_of(roll_number), "IN")

    assert forms[0] == roll_number
    assert "919876543210" in forms
    assert set(login_forms("+91 98765 43210", "IN")) & set(forms)


def test_another_username_reserves_only_itself() -> None:
    assert identifier_forms("21/cs/045", "IN") == ("21/cs/045",)


# --- search -----------------------------------------------------------------------------------------------


def test_a_student_is_found_by_the_beginning_of_any_word() -> None:
    terms = search_terms("Agnès D'Été", "21/CS/045")

    assert terms == ["04", "045", "21", "ag", "agn", "agne", "agnes", "cs", "d", "et", "ete"]


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Agnès Müller", "agn"),
        ("Agnès Müller", "MULLER agnes"),
        ("Søren Łukasz", "soren luk"),
        ("Straße", "STRASSE"),
        ("İbrahim", "ibrahim"),
        ("रमेश कुमार", "कुमा"),
        ("क्\u200dषमा", "क्षमा"),
        ("محمد خان", "محم"),
        (wide("Asha"), "asha"),
        ("Venkatanarasimharajuvaripeta", "Venkatanarasimharaju"),
        ("Raj K", "k raj"),
    ],
)
def test_what_people_type_finds_the_name(name: str, typed: str) -> None:
    assert set(search_term(typed)) <= set(search_terms(name))
    assert search_term(typed)


def test_vowel_signs_of_other_scripts_are_no_accents() -> None:
    assert not set(search_term("कि")) & set(search_terms("कु"))


def test_search_is_bounded_and_keeps_every_whole_word() -> None:
    words = [f"{letter}bcdefghijkl" for letter in "abcdefghijklmnopqrst"]
    terms = search_terms(" ".join(words))

    assert len(terms) == 60
    assert {word[:10] for word in words} <= set(terms)
    assert search_term(" ".join(words)) == [word[:10] for word in words[:4]]


@given(st.lists(st.text(max_size=30), max_size=3))
def test_terms_are_unique_sorted_and_short(texts: list[str]) -> None:
    terms = search_terms(*texts)

    assert terms == sorted(set(terms))
    assert all(1 <= len(term) <= 10 for term in terms)


@given(st.text(max_size=40))
def test_a_text_is_found_by_itself(text: str) -> None:
    assert set(search_term(text)) <= set(search_terms(text))
