"""A request that is let in and then keeps its body back acts with the rights of when it acts."""

import io
import json
import time
from collections.abc import Callable
from typing import Any

from config.permissions import Permission
from routes._kit.admission import LOOK_AGAIN_SECONDS
from tests.cast import Cast, Person

ADMINS = "/admin_management/admins"


class LateBody(io.BytesIO):
    """A body that comes after something else has happened, and a while after the request began."""

    def __init__(self, body: bytes, meanwhile: Callable[[], object]) -> None:
        super().__init__(body)
        self._meanwhile = [meanwhile]

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` with what comes next."""
        while self._meanwhile:
            self._meanwhile.pop()()
            time.sleep(LOOK_AGAIN_SECONDS + 0.02)
        return super().readinto(buffer)


def send_late(person: Person, body: bytes, meanwhile: Callable[[], object]) -> Any:
    stream = LateBody(body, meanwhile)
    return person.http.post(
        ADMINS, input_stream=stream, content_length=len(body), content_type="application/json"
    )


def puppet(cast: Cast) -> bytes:
    wanted = {"role": "campus_admin", "name": "Back Door", "username": "puppet", "email": "p@example.com"}
    return json.dumps(wanted | {"campus_id": cast.north.id}).encode()


def test_who_was_deactivated_before_the_body_came_does_nothing(cast: Cast, db: Any) -> None:
    boss, admin = cast.superadmin, cast.admin("second", "campus_admin", cast.north.id)

    reply = send_late(
        admin,
        puppet(cast),
        lambda: boss.post(f"{ADMINS}/{admin.id}/deactivate", status=200),
    )

    assert (reply.status_code, db.users.count_documents({"username": "puppet"})) == (401, 0)


def test_who_may_less_when_the_body_comes_is_refused(cast: Cast, db: Any) -> None:
    boss, admin = cast.superadmin, cast.north.admin
    path = f"/access_control/admins/{admin.id}/permissions"
    left = [name for name in boss.get(path)["permissions"] if name != Permission.ADMIN_CREATE]

    reply = send_late(admin, puppet(cast), lambda: boss.put(path, {"permissions": left}))

    assert (reply.status_code, db.users.count_documents({"username": "puppet"})) == (403, 0)


def test_a_late_body_of_somebody_who_still_may_is_taken(cast: Cast) -> None:
    reply = send_late(cast.north.admin, puppet(cast), lambda: None)

    assert reply.status_code == 201
