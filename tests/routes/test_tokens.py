"""Access tokens that were found good a moment ago."""

import time
from typing import Any

import jwt
import pytest

from routes._kit import tokens
from tests.cast import Cast


@pytest.fixture
def nothing_verifies(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it, and from then on no signature holds."""

    def refuse(token: str) -> Any:
        raise jwt.InvalidSignatureError

    return lambda: monkeypatch.setattr(tokens, "decode_token", refuse)


def test_a_token_is_not_verified_again_at_once_but_after_a_second(cast: Cast, nothing_verifies: Any) -> None:
    boss = cast.superadmin
    boss.get("/auth/me")
    nothing_verifies()

    boss.get("/auth/me")
    time.sleep(tokens.VERIFIED_SECONDS)
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
