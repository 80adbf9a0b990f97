"""What lets somebody in cannot be guessed, and an identifier lets nobody in."""

import math
import string
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient

from main import Runtime
from tests.cast import PASSWORD, Cast, Person, one_time_token, roster
from tests.security.test_no_code_from_data import imports, nodes

BITS: Final = 128
# Chance that protects nothing: pauses that must not coincide, the end of an entry, whose turn it is.
HARMLESS: Final = {
    "services/jobs/claiming.py",
    "services/jobs/turns.py",
    "utils/resilient_services.py",
    "utils/ultra_scalable_cache.py",
}
ALPHABETS: Final = (string.digits, string.hexdigits.lower()[:16], string.ascii_lowercase + "234567")
ROSTER: Final = tuple(f"CSE,R{n:03},Asha Rao,98765{n:05},r{n}@example.com" for n in range(40))


def bits(secrets: Sequence[str]) -> float:
    """Return how many bits these secrets have at most, by the smallest alphabet that they all fit into."""
    together, length = set("".join(secrets)), min(map(len, secrets))
    fitting = [len(alphabet) for alphabet in ALPHABETS if together <= set(alphabet)]
    return length * math.log2(min(fitting, default=64))


def begins_alike(secrets: Sequence[str]) -> int:
    """Return how many characters the two nearest of them begin with in common."""
    ordered = sorted(secrets)
    return max(
        next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
        for one, other in pairwise(ordered)
    )


@pytest.fixture
def tokens(cast: Cast, at_rest: Any, outbox: Any) -> Sequence[str]:
    """The one-time tokens of forty students of one roster."""
    form = {"batch_id": cast.north.batch_id, "file": roster(*ROSTER), "dry_run": "false"}
    cast.north.admin.post("/student_management/imports", status=202, data=form)
    at_rest()
    return sorted({one_time_token(m["text"]) for m in outbox() if m["to"].startswith("r")})


def test_what_lets_somebody_in_is_at_least_128_random_bits(
    cast: Cast, tokens: Sequence[str], app: Flask, db: Any
) -> None:
    refresh = [Person(app, "root").login["refresh_token"].partition(".")[2] for _ in range(8)]
    picture = {"purpose": "question_media", "name": "a.png", "content_type": "image/png", "size": 70}
    for _ in range(8):
        cast.north.admin.post("/files", picture)
    keys = [row["key"].rpartition("/")[2] for row in db.files.find({"campus_id": cast.north.id})]

    for secrets, number in ((refresh, 8), (tokens, len(ROSTER)), (keys, 8)):
        assert len(set(secrets)) == number
        assert bits(secrets) >= BITS
        assert begins_alike(secrets) <= 8


def test_nobody_of_a_roster_is_entered_by_what_the_roster_says(
    tokens: Sequence[str], client: FlaskClient, db: Any
) -> None:
    guesses = [(f"r{n:03}", guess) for n in range(8) for guess in (f"r{n:03}", f"98765{n:05}", "Asha Rao")]

    entered = [
        guess
        for number, guess in enumerate(guesses)
        if client.post(
            "/auth/login",
            json={"username": guess[0], "password": guess[1]},
            environ_overrides={"REMOTE_ADDR": f"10.{number}.0.1"},
        ).status_code
        == 200
    ]
    known = [str(row[name]) for row in db.students.find({}) for name in ("_id", "roll_number", "email")]
    opened = [guess for guess in known if _activates(client, guess)]

    assert tokens
    assert known
    assert (entered, opened) == ([], [])
    assert db.users.count_documents({"role": "student", "password_hash": {"$ne": None}}) == 0


def test_an_identifier_lets_nobody_in(
    cast: Cast, tokens: Sequence[str], client: FlaskClient, runtime: Runtime, app: Flask, db: Any
) -> None:
    assert cast.north.admin.get("/auth/me")
    names = set(_identifiers(db))
    assert len(names) > len(tokens)

    for name in sorted(names)[:: len(names) // 40]:
        assert client.get("/auth/me", headers={"Authorization": f"Bearer {name}"}).status_code == 401
        assert client.post("/auth/refresh", json={"refresh_token": name}).status_code == 401
        assert client.post("/auth/refresh", json={"refresh_token": f"{name}.{name}"}).status_code == 401
        assert not _activates(client, name)
    assert not runtime.socketio.test_client(app, auth={"token": min(names)}).is_connected()


def test_nothing_takes_chance_from_elsewhere() -> None:
    assert {path for path, node in nodes() if imports(node, frozenset({"random"}))} <= HARMLESS


def _activates(client: FlaskClient, token: str) -> bool:
    wish = {"token": token, "new_password": PASSWORD}
    return client.post("/auth/activate", json=wish).status_code == 204


def _identifiers(db: Any) -> Iterator[str]:
    """Yield every id and key that the database knows things by; the hash of a link's token is one."""
    for name in db.list_collection_names():
        if not name.startswith("system."):
            for row in db[name].find(hint="_id_"):
                yield from (str(row[field]) for field in ("_id", "user_id", "key", "nonce") if row.get(field))
