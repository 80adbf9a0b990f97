"""The tokens that actors show: one login each, and what forgers and the forgetful would send instead."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from flask import Flask

from main import Runtime
from routes._kit.tokens import AUDIENCE, ISSUER, key_id
from tests.authz.actors import ACTORS, Actor, Proof
from tests.authz.world import World
from tests.cast import Person


class Proofs:
    """Has everybody log in once."""

    def __init__(self, app: Flask, world: World) -> None:
        self._app, self._db = app, world.db
        self._key = self._runtime().settings.jwt_secret_key

    def all(self) -> Mapping[str, str]:
        """Return the ``Authorization`` header of every actor, by name; empty for none."""
        return {actor.name: self._of(actor) for actor in ACTORS}

    def refresh_token(self, username: str) -> str:
        """Return a refresh token that has not been used."""
        return str(Person(self._app, username).login["refresh_token"])

    def _of(self, actor: Actor) -> str:
        if actor.proof is Proof.NOTHING:
            return ""
        if actor.proof is Proof.GARBAGE:
            return "Bearer not.a.token"
        return f"Bearer {self._shown(actor, Person(self._app, actor.username))}"

    def _shown(self, actor: Actor, person: Person) -> str:
        """Return what this person shows; whatever is wrong with it is the only thing that is wrong."""
        match actor.proof:
            case Proof.EXPIRED:
                return self._forged(person, exp=datetime.now(UTC) - timedelta(seconds=1))
            case Proof.WRONG_KEY:
                return self._forged(person, key="x" * 48)
            case Proof.UNSIGNED:
                return self._forged(person, key="", algorithm="none")
            case Proof.REFRESH:
                return str(person.login["refresh_token"])
            case Proof.LOGGED_OUT:
                person.post("/auth/logout", status=204)
            case Proof.OF_THE_DISMISSED:
                self._db.users.update_one({"_id": person.id}, {"$set": {"status": "deactivated"}})
        if actor.must_change_password:
            self._db.users.update_one({"_id": person.id}, {"$set": {"must_change_password": True}})
        return person.token

    def _forged(self, person: Person, key: str | None = None, algorithm: str = "HS256", **claims: Any) -> str:
        """Return the person's own token with other claims or another signature."""
        own = jwt.decode(person.token, self._key, ["HS256"], audience=AUDIENCE, issuer=ISSUER)
        signing = self._key if key is None else key
        return jwt.encode({**own, **claims}, signing, algorithm, headers={"kid": key_id(self._key)})

    def _runtime(self) -> Runtime:
        found: Runtime = self._app.extensions["versant"]
        return found
