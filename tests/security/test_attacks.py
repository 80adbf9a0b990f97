"""Attacks on every route at once: operators of the database, fields that nobody may set, forged tokens."""

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import jwt
from flask import Flask
from flask.testing import FlaskClient

from main import Runtime
from routes._kit.tokens import AUDIENCE, ISSUER, key_id
from services.freshness.documents import INDEXES as FRESHNESS
from tests.cast import Cast, roster
from tests.security.fields import Place, objects, put, texts
from tests.security.payloads import EVIL_PATTERNS, OPERATORS
from tests.security.surface import Sample
from tests.security.telltale import told

SAID: Final = (400, 422)
FEW: Final = 4  # of them also where a text is read as text, or a list is
DEEP: Final = 3  # steps into a body, from where on one does for each place, in turn
READ_LATER: Final = {  # by the question that it answers
    ("question_bank.preview_answer", ("response",)),
    ("student.save_answers", ("answers", 0, "response")),
}
BRACKETS: Final = ("[$ne]", "[$gt]", "[$regex]", "[$where]", "[$in][]", "[]", ".$ne", "[__proto__]")


def with_body(surface: Sequence[Sample]) -> list[Sample]:
    """Return what takes JSON from people; providers have a token of their own."""
    return [sample for sample in surface if sample.spec.body and sample.spec.proof is None]


def places(sample: Sample) -> Iterator[Place]:
    assert sample.spec.body is not None
    found = texts(sample.spec.body, sample.body)
    yield from (place for place in found if (sample.name, place) not in READ_LATER)


def test_no_operator_gets_in_by_any_field_of_any_body(surface: Sequence[Sample], boss: FlaskClient) -> None:
    found, sent = {}, 0
    for sample in with_body(surface):
        for turn, place in enumerate(places(sample)):
            one = turn % len(OPERATORS)
            for number, operator in enumerate(OPERATORS if len(place) < DEEP else OPERATORS[one : one + 1]):
                for value in (operator, [operator]) if number < FEW else (operator,):
                    reply = sample.but(body=put(sample.body, place, value)).send(boss)
                    sent += 1
                    leaks = told(reply.get_data(as_text=True), json.dumps(value) + repr(value))
                    if reply.status_code not in SAID or leaks:
                        found[sample.name, place] = (value, reply.status_code, leaks)
    assert found == {}
    assert sent > 2000


def test_no_operator_gets_in_by_any_parameter(
    surface: Sequence[Sample], boss: FlaskClient, cast: Cast
) -> None:
    assert cast.north.admin  # there is something that they could find
    found: dict[Any, Any] = {}
    for sample in [one for one in surface if one.spec.query and one.spec.proof is None]:
        for name in sample.spec.query.model_fields if sample.spec.query else ():
            for suffix in BRACKETS:
                reply = sample.send(boss, query_string={name + suffix: "a"})
                if reply.status_code != 422:
                    found[name + suffix, sample.name] = reply.status_code
            for operator in OPERATORS[:FEW]:
                query = {**sample.query, name: json.dumps(operator)}
                reply = sample.but(query=query).send(boss)
                empty = reply.status_code == 200 and not _found(reply)
                if reply.status_code not in (400, 404, 422) and not empty:
                    found[name, sample.name] = (operator, reply.status_code)
    assert found == {}


def _found(reply: Any) -> Sequence[Any]:
    """Return the items of a list, or the lines of an export below its first."""
    found: Sequence[Any] = reply.get_json()["items"] if reply.is_json else reply.get_data().splitlines()[1:]
    return found


STORED_ELSEWHERE: Final = frozenset(
    {"_id", "__class__", "__proto__", "constructor", "is_active", "is_admin", "user"}
)


def stored_names(db: Any) -> set[str]:
    """Return the name of every field that any stored document of a person or place has."""
    skipped = {"migrations", *FRESHNESS}
    names = [
        name for name in db.list_collection_names() if name not in skipped and not name.startswith("system.")
    ]
    return {field for name in names for row in db[name].find(hint="_id_").limit(50) for field in row}


def test_no_write_takes_a_field_that_it_does_not_declare(
    surface: Sequence[Sample], boss: FlaskClient, cast: Cast, db: Any
) -> None:
    assert cast.student(cast.north, "N1")
    names = stored_names(db) | STORED_ELSEWHERE
    before = _told_of_people(db)
    assert {"password_hash", "role", "campus_id", "status", "must_change_password"} <= names

    found = {}
    for sample in with_body(surface):
        assert sample.spec.body is not None
        for place, model in objects(sample.spec.body, sample.body):
            declared = {field.alias or name for name, field in model.model_fields.items()}
            for value in ("superadmin", None, True):
                unknown = dict.fromkeys(names - declared, value)
                whole = put(sample.body, place, {**_at(sample.body, place), **unknown})
                reply = sample.but(body=whole).send(boss)
                pointers = {fault["pointer"] for fault in (reply.get_json() or {}).get("errors", ())}
                named = {pointer.rpartition("/")[2] for pointer in pointers}
                if reply.status_code != 422 or unknown.keys() - named:
                    found[sample.name, place] = (reply.status_code, sorted(unknown.keys() - named)[:5])
    for sample in [one for one in surface if one.spec.form]:
        for name in names - sample.spec.form.model_fields.keys() if sample.spec.form else ():
            form = {**(sample.form or {}), name: "superadmin"}
            reply = boss.open(
                sample.url,
                method=sample.spec.method,
                data={**form, "file": roster("CSE,NEW/1,New Student,,")},
            )
            if reply.status_code != 422:
                found[sample.name, (name,)] = (reply.status_code, [])
    assert found == {}
    assert _told_of_people(db) == before


def _at(body: Any, place: Place) -> Mapping[str, Any]:
    """Return the object in one place of a body; empty where there is none."""
    for step in place:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return {}
    return body if isinstance(body, dict) else {}


def _told_of_people(db: Any) -> Any:
    return [
        sorted(map(str, db[name].find(hint="_id_"))) for name in ("users", "students", "campuses", "courses")
    ]


def _part(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(token: str, refresh: str, key: str) -> Mapping[str, str]:
    """Return headers that prove nothing, by what is wrong with them and with nothing else."""
    own = jwt.decode(token, key, ["HS256"], audience=AUDIENCE, issuer=ISSUER)
    kid, now = key_id(key), int(time.time())
    head, claims, signature = token.split(".")

    def signed(with_key: str = key, algorithm: str = "HS256", headers: Any = None, **changed: Any) -> str:
        said = {name: value for name, value in {**own, **changed}.items() if value is not ...}
        return "Bearer " + jwt.encode(said, with_key, algorithm, headers={"kid": kid, **(headers or {})})

    return {
        "no signature, alg none": signed("", "none"),
        "alg None": f"Bearer {_part({'alg': 'None', 'typ': 'JWT', 'kid': kid})}.{claims}.",
        "alg nOnE with the signature": f"Bearer {_part({'alg': 'nOnE', 'kid': kid})}.{claims}.{signature}",
        "HS512 by the right key": signed(key * 2, "HS512"),
        "HS384 by the right key": signed(key + key, "HS384"),
        "RS256 said, HMAC made": f"Bearer {_part({'alg': 'RS256', 'kid': kid})}.{claims}.{signature}",
        "another key": signed("x" * 48),
        "the name of the key as key": signed(kid * 4),
        "a refresh token": f"Bearer {refresh}",
        "typ refresh": signed(typ="refresh"),
        "no typ": signed(typ=...),
        "another audience": signed(aud="versant-web"),
        "no audience": signed(aud=...),
        "another issuer": signed(iss="versant-eu"),
        "ended": signed(exp=now - 1),
        "no end": signed(exp=...),
        "from tomorrow on": signed(nbf=now + 86_400),
        "somebody else, not signed anew": f"Bearer {head}.{_part({**own, 'sub': '0' * 24})}.{signature}",
        "nobody": signed(sub="0" * 24),
        "another session": signed(sid="0" * 24),
        "no session": signed(sid=...),
        "a session that is no text": signed(sid={"$ne": None}),
        "a kid that is unknown": signed(headers={"kid": "0" * 12}),
        "a kid that leads to a file": signed("\x00" * 48, headers={"kid": "../../../../dev/null"}),
        "a kid that is SQL": signed(headers={"kid": "x' UNION SELECT 'key"}),
        "a key of its own": signed("y" * 48, headers={"jwk": {"kty": "oct", "k": "eXl5"}}),
        "a key from elsewhere": signed("y" * 48, headers={"jku": "http://127.0.0.1:9/keys"}),
        "cut off": f"Bearer {token[:-2]}",
        "huge": f"Bearer {token}{'A' * 8000}",
        "not a token": "Bearer null",
        "another alphabet": f"Bearer {token[:-1]}\u00e9",
        "another scheme": f"Basic {token}",
        "no scheme": token,
        "twice": f"Bearer {token},Bearer {token}",
        "a space within": f"Bearer {head}. {claims}.{signature}",
        "nothing after the scheme": "Bearer ",
    }  # fmt: skip


ASKED: Final = (
    "auth.me",
    "auth.logout",
    "admin_management.create_admin",
    "admin_management.list_admins",
    "batch_processing.report",
    "campus_management.delete_campus",
    "student_imports.upload",
    "student_management.bulk_delete",
    "student_management.list_students",
    "student_management.update_student",
)


def test_no_forged_token_gets_in_anywhere(
    app: Flask, surface: Sequence[Sample], cast: Cast, client: FlaskClient
) -> None:
    runtime: Runtime = app.extensions["versant"]
    login = cast.superadmin.login
    headers = forged(cast.superadmin.token, str(login["refresh_token"]), runtime.settings.jwt_secret_key)
    asked = [sample for sample in surface if sample.name in ASKED]
    assert len(headers) >= 24
    assert len(asked) == len(ASKED)

    found, texts_seen = {}, set()
    for wrong, header in headers.items():
        for sample in asked:
            reply = sample.send(client, environ_overrides={"HTTP_AUTHORIZATION": header})
            body = reply.get_json() or {}
            texts_seen.add((body.get("type"), body.get("title"), body.get("detail")))
            if reply.status_code != 401 or reply.headers.get("WWW-Authenticate") != "Bearer":
                found[wrong, sample.name] = (reply.status_code, body)
    assert found == {}
    assert len(texts_seen) == 1, "what is wrong with a token is nobody's business"
    cast.superadmin.get("/auth/me")


PATIENCE: Final = 0.25  # seconds; a search takes a few milliseconds, and other tests run beside this one


def test_no_pattern_takes_a_search_long(surface: Sequence[Sample], boss: FlaskClient, cast: Cast) -> None:
    assert len(EVIL_PATTERNS) >= 50
    assert cast.student(cast.north, "A" * 30)
    searched = [
        (sample, name)
        for sample in surface
        for name, field in (sample.spec.query.model_fields if sample.spec.query else {}).items()
        if str in (field.annotation, *getattr(field.annotation, "__args__", ())) and sample.spec.proof is None
    ]
    found = {}
    for sample, name in searched:
        for pattern in EVIL_PATTERNS if name == "search" else EVIL_PATTERNS[:FEW]:
            begun = time.perf_counter()
            reply = sample.but(query={**sample.query, name: pattern}).send(boss)
            took = time.perf_counter() - begun
            if reply.status_code not in (200, 400, 404, 422) or took > PATIENCE:
                found[sample.name, name, pattern] = (reply.status_code, took)
    assert ("student_management.list_students", "search") in [
        (sample.name, name) for sample, name in searched
    ]
    assert found == {}
