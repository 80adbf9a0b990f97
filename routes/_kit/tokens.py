"""Access tokens: minted and read here and nowhere else. What they prove is checked against the database."""

import hashlib
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import jwt
from cachebox import TTLCache
from flask import Flask, current_app, g, request
from flask_jwt_extended import JWTManager, create_access_token

from config.settings import Settings
from models import Actor
from routes._kit.services import services
from services.accounts.sessions import Session
from utils.context import acts_for
from utils.problems import Unauthorized

ISSUER: Final = "versant"
ALGORITHM: Final = "HS256"
AUDIENCE: Final = "versant-api"
VERIFIED_SECONDS: Final = 1.0  # for so long a token that was found good is not verified again
VERIFIED_TOKENS: Final = 10_000


def install(app: Flask, settings: Settings) -> None:
    """Configure the token library: HS256 only, issuer and audience pinned, two keys by ``kid``."""
    app.config.update(
        JWT_ALGORITHM=ALGORITHM,
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=settings.access_token_seconds),
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_ENCODE_NBF=True,
        JWT_SECRET_KEY=settings.jwt_secret_key,
    )
    app.extensions["verified-tokens"] = TTLCache(VERIFIED_TOKENS, VERIFIED_SECONDS)
    keys = (settings.jwt_secret_key, settings.jwt_secret_key_previous)
    app.extensions["token-keys"] = {key_id(key): key for key in keys if key}
    JWTManager(app)


def key_id(key: str) -> str:
    """Return the name of a key, made of the key itself: it stays when the key becomes the previous one."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def mint(session: Session) -> str:
    """Return an access token for a session."""
    token: str = create_access_token(
        session.user_id,
        additional_claims={"sid": session.id, "typ": "access"},
        additional_headers={"kid": key_id(current_app.config["JWT_SECRET_KEY"])},
    )
    return token


def read(token: str) -> dict[str, Any]:
    """Return the claims of a valid access token; raise Unauthorized for every other string.

    A signature that held a moment ago holds; that the token has not ended since is looked at each time.
    """
    verified: TTLCache[str, dict[str, Any]] = current_app.extensions["verified-tokens"]
    claims = verified.get(token)
    if claims is None or claims["exp"] <= time.time():
        claims = verified[token] = _verified(token)
    return claims


def _verified(token: str) -> dict[str, Any]:
    try:
        claims = _signed(token)
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Unauthorized() from None
    if claims.get("typ") != "access" or not all(isinstance(claims.get(name), str) for name in ("sub", "sid")):
        raise Unauthorized()
    return claims


def _signed(token: str) -> dict[str, Any]:
    """Return the claims of a token that one of our keys has signed, the one that it names by ``kid``."""
    keys: dict[str, str] = current_app.extensions["token-keys"]
    for name, key in keys.items():  # nearly every token is the first one's: it is read once
        with suppress(jwt.InvalidSignatureError):
            found = jwt.decode_complete(
                token, key, [ALGORITHM], {"require": ["exp"]}, audience=AUDIENCE, issuer=ISSUER
            )
            if found["header"].get("kid") == name:
                return dict(found["payload"])
    raise jwt.InvalidTokenError("none of our keys")


def actor_of(token: str) -> Actor:
    """Return who this token stands for, as the database knows them now."""
    claims = read(token)
    actor = services().authentication.actor(claims["sid"], claims["sub"])
    if actor is None:
        raise Unauthorized()
    return actor


def authenticate() -> Actor:
    """Return who sent this request; raise Unauthorized without a bearer token that holds."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized()
    actor = actor_of(token.strip())
    g.actor_id = actor.id
    acts_for(actor.id)
    return actor
