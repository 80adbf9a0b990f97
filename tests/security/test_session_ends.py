"""Sessions end at the latest when they were said to, however busily they are used (their longest life)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask

from config.permissions import Role
from services.accounts.sessions import ABSOLUTE_DAYS
from tests.cast import Cast, Person


def test_no_refresh_carries_a_session_beyond_its_longest_life(cast: Cast, app: Flask, db: Any) -> None:
    people = {Role.SUPERADMIN: cast.superadmin, Role.CAMPUS_ADMIN: cast.north.admin}
    people[Role.STUDENT] = cast.student(cast.north, "S1")
    client = app.test_client()
    for role, person in people.items():
        longest = timedelta(days=ABSOLUTE_DAYS[role])
        mine = {"user_id": person.id}
        begun = db.sessions.find_one(mine, sort=[("created_at", -1)])
        assert abs(begun["ends_at"] - begun["created_at"] - longest) < timedelta(minutes=1), role

        soon = (datetime.now(UTC) + timedelta(minutes=5)).replace(microsecond=0)
        db.sessions.update_many(mine, {"$set": {"ends_at": soon}})
        pair = refreshed(client, person)

        assert db.sessions.find_one({"_id": begun["_id"]})["expires_at"] == soon, role
        past = soon - timedelta(hours=1)
        db.sessions.update_many(mine, {"$set": {"ends_at": past, "expires_at": past}})
        assert refreshed(client, person, pair, status=401), role


def refreshed(client: Any, person: Person, pair: Any = None, status: int = 200) -> Any:
    token = (pair or person.login)["refresh_token"]
    reply = client.post("/auth/refresh", json={"refresh_token": token})
    assert reply.status_code == status, reply.get_json()
    return reply.get_json()
