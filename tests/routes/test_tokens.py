"""Access tokens that were found good a moment ago."""

import time
from typing import Any

import jwt
import pytest
from cachetools import TTLCache
from flask import Flask

from config.settings import Settings
from routes._kit import tokens
from services.accounts.sessions import Session
from tests.cast import Cast
from utils.problems import Unauthorized


@pytest.fixture
def nothing_verifies(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it, and from then on no signature holds."""

    def refuse(token: str) -> Any:
        raise jwt.InvalidSignatureError

    return lambda: monkeypatch.setattr(tokens, "_signed", refuse)


def test_a_token_is_not_verified_again_at_once_but_after_a_second(
    app: Flask, cast: Cast, nothing_verifies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss, now = cast.superadmin, [0.0]
    kept: TTLCache[str, Any] = TTLCache(10, tokens.VERIFIED_SECONDS, timer=lambda: now[0])
    monkeypatch.setitem(app.extensions, "verified-tokens", kept)
    boss.get("/auth/me")
    nothing_verifies()

    boss.get("/auth/me")
    now[0] += tokens.VERIFIED_SECONDS
    boss.get("/auth/me", status=401)


def test_a_token_that_has_ended_is_refused_though_it_was_just_found_good(
    cast: Cast, nothing_verifies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss, now = cast.superadmin, time.time()
    boss.get("/auth/me")
    nothing_verifies()

    monkeypatch.setattr("routes._kit.tokens.time.time", lambda: now + boss.login["expires_in"] + 1)

    boss.get("/auth/me", status=401)


def test_another_token_is_verified(cast: Cast, nothing_verifies: Any) -> None:
    boss = cast.superadmin
    boss.get("/auth/me")
    nothing_verifies()

    for token in (boss.token[:-1], boss.token + "A", boss.token.upper()):
        headers = {"Authorization": f"Bearer {token}"}
        assert boss.http.get("/auth/me", headers=headers).status_code == 401


def test_an_access_token_says_who_and_for_how_long_and_nothing_else(cast: Cast) -> None:
    claims = jwt.decode(cast.superadmin.token, options={"verify_signature": False})

    ours = {"sub": cast.superadmin.id, "typ": "access", "iss": tokens.ISSUER, "aud": tokens.AUDIENCE}
    assert {name: claims[name] for name in ours} == ours
    assert claims["iat"] == claims["nbf"] == claims["exp"] - cast.superadmin.login["expires_in"]
    assert {"sid", "jti"} <= claims.keys()
    assert not {"role", "permissions", "campus_id", "name", "email"} & claims.keys()


def test_a_key_that_became_the_previous_one_still_opens_and_no_other_does(settings: Settings) -> None:
    old, new, other = ("k" * 31 + one for one in "abc")
    before = keyed(settings, jwt_secret_key=old)
    with before.test_request_context():
        token = tokens.mint(Session("s1", "u1"))

    after = keyed(settings, jwt_secret_key=new, jwt_secret_key_previous=old)
    dropped = keyed(settings, jwt_secret_key=new)
    exchanged = keyed(settings, jwt_secret_key=new, jwt_secret_key_previous=other)

    with after.test_request_context():
        assert tokens.read(token)["sub"] == "u1"
        assert jwt.get_unverified_header(tokens.mint(Session("s1", "u1")))["kid"] == tokens.key_id(new)
    for app in (dropped, exchanged):
        with app.test_request_context(), pytest.raises(Unauthorized):
            tokens.read(token)


def keyed(settings: Settings, **keys: str) -> Flask:
    """Return an app that knows tokens and nothing else."""
    app = Flask("keys")
    tokens.install(app, settings.model_copy(update={"jwt_secret_key_previous": "", **keys}))
    return app
