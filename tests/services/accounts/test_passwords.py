import pytest

from config.settings import Settings
from services.accounts.passwords import Passwords, WeakPassword, weakness
from tests.people import wide
from utils.offload import Offload
from utils.problems import Unavailable

ABOUT = ("Asha Mohan Rao", "21/cs/045", "+919876543210", "North Campus", "VERSANT")


@pytest.fixture
def passwords() -> Passwords:
    return made()


def made(pepper: str = "p" * 32, rounds: int = 4) -> Passwords:
    return Passwords(Settings(password_pepper=pepper, bcrypt_rounds=rounds), Offload(2, 10))


@pytest.mark.parametrize(
    "password",
    [
        "a quiet river at dawn 7",
        "correct horse battery staple",
        "Zw8#qLm2$Tv9",
        "நான்கு பச்சை குடைகள் மழை",
        "चार हरी छतरियाँ बारिश",
        "🦜🌧️🪁🚲🧭🪴🧩🎻🛶🧵🪵🥁",
        "my asha is a green parrot",
        "x" + "abcdefgh1-" * 25,
    ],
)
def test_a_password_that_nobody_guesses_is_fine(password: str) -> None:
    assert weakness(password, 12, ABOUT) is None


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("elevenchars", "shorter"),
        ("\N{LATIN SMALL LIGATURE FFI}" * 2, "shorter"),
        ("x" * 257, "longer"),
        ("aaaaaaaaaaaaaaaa", "repeats"),
        ("abababababababab", "repeats"),
        ("123456789012345", "repeats"),
        ("zyxwvutsrqponmlk", "repeats"),
        ("password12345", "tried first"),
        ("PassWord!!2026", "tried first"),
        ("qwertyqwerty", "tried first"),
        ("letmein1234567", "tried first"),
        ("P a s s w o r d 1", "tried first"),
        ("asha.rao.2026", "name or number"),
        ("AshaMohanRao!!", "name or number"),
        ("21CS045-21CS045", "name or number"),
        ("9876543210abcd", "name or number"),
        ("Northcampus123", "name or number"),
        ("Versant@2026!", "name or number"),
        (wide("VERSANT2026!!"), "name or number"),
    ],
)
def test_a_password_that_is_guessed_early_is_refused_with_a_reason(password: str, word: str) -> None:
    fault = weakness(password, 12, ABOUT)

    assert fault is not None
    assert word in fault


def test_the_problem_names_the_field_and_what_to_do(passwords: Passwords) -> None:
    with pytest.raises(WeakPassword) as caught:
        passwords.require_strong("new_password", "short")

    [fault] = caught.value.extensions["errors"]
    assert fault["pointer"] == "/new_password"
    assert "at" not in fault["detail"][:2]
    assert "words" in fault["detail"]


def test_the_product_name_is_no_password(passwords: Passwords) -> None:
    with pytest.raises(WeakPassword):
        passwords.require_strong("new_password", "Versant2026!!")


def test_a_password_matches_its_hash_and_no_other(passwords: Passwords) -> None:
    stored = passwords.hash("four green umbrellas")

    assert passwords.matches(stored, "four green umbrellas")
    assert not passwords.matches(stored, "four green umbrella")
    assert not passwords.matches(None, "four green umbrellas")
    assert stored != passwords.hash("four green umbrellas")


def test_every_character_of_a_long_password_counts(passwords: Passwords) -> None:
    stored = passwords.hash("x" * 255 + "y")

    assert passwords.matches(stored, "x" * 255 + "y")
    assert not passwords.matches(stored, "x" * 255 + "z")


def test_the_width_of_letters_does_not_count(passwords: Passwords) -> None:
    assert passwords.matches(passwords.hash(wide("four green")), "four green")


def test_a_hash_is_worthless_without_the_pepper(passwords: Passwords) -> None:
    assert not made(pepper="q" * 32).matches(passwords.hash("four green umbrellas"), "four green umbrellas")


def test_a_hash_tells_when_it_was_made_at_another_cost(passwords: Passwords) -> None:
    stored = passwords.hash("four green umbrellas")

    assert not passwords.outdated(stored)
    assert made(rounds=5).outdated(stored)
    assert made(rounds=5).matches(stored, "four green umbrellas")


def test_a_full_queue_sends_away() -> None:
    offload = Offload(1, 0)
    busy = Passwords(Settings(password_pepper="p" * 32, bcrypt_rounds=4), offload)
    offload._room.acquire()

    with pytest.raises(Unavailable) as caught:
        busy.hash("four green umbrellas")

    assert caught.value.retry_after == 2
