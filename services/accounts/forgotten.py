"""Forgotten passwords: who asks learns nothing, not even from the time that the answer takes."""

from collections.abc import Mapping
from typing import Final

from services.accounts.documents import LinkPurpose, User, UserStatus
from services.accounts.messages import CredentialMail, addresses
from services.accounts.names import LoginNames
from services.accounts.rights import SELF_SERVICE
from services.accounts.throttle import LoginThrottle
from services.idempotency.service import IdempotencyService, SavedReply
from services.ports import JSON, Done, JobEngine, JobResult, Lease, Queue
from utils.documents import new_id

FORGOTTEN_JOB: Final = "accounts.forgotten_password"
NOTHING: Final = SavedReply(204, b"", None)


class ForgottenPasswords:
    """Takes requests for a reset link and answers them in the background."""

    def __init__(
        self,
        names: LoginNames,
        throttle: LoginThrottle,
        engine: JobEngine,
        once: IdempotencyService,
        mail: CredentialMail,
    ) -> None:
        self._names, self._throttle, self._engine = names, throttle, engine
        self._once, self._mail = once, mail

    def request(self, username: str, address: str) -> None:
        """Note the wish; the same is done whether or not there is such a person.

        Raises TooManyAttempts for an address that asks too often.
        """
        if self._throttle.admits_request(self._names.throttle_key(username, None), address):
            self._engine.submit(FORGOTTEN_JOB, {"username": username}, queue=Queue.MESSAGES, key=new_id())

    def run(self, lease: Lease) -> JobResult:
        """Send a reset link to whoever is meant; twice asked by a crash, sent once."""
        user = self._names.find(str(lease.args["username"]))
        if user is not None and user.status is not UserStatus.DEACTIVATED and any(addresses(user).values()):
            self._once.once(SELF_SERVICE, FORGOTTEN_JOB, lease.job_id, "", lambda: self._send(user))
        return Done()

    def dead(self, args: Mapping[str, JSON], reason: str) -> None:
        """Do nothing: the person asks again."""

    def _send(self, user: User) -> SavedReply:
        """Send the link wherever the person can be reached, unless they were sent too many of late.

        However many names somebody has: what was asked by each of them is counted together.
        Somebody else reads an address that several people share: it is used only where there is no other.
        """
        if not self._throttle.admits_message(self._names.key_of(user.id)):
            return NOTHING
        if user.email and user.mobile_number and self._names.shares_email(user):
            user = user.model_copy(update={"email": None})
        self._mail.send(
            LinkPurpose.RESET, [user], campus_id=None, actor_id=SELF_SERVICE, texts_of=user.campus_id
        )
        return NOTHING
