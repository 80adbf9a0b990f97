"""The inbox as a channel of a batch job: the same way as email and SMS, from the job to the person."""

from typing import Any

import pytest

from services.batch_jobs.documents import DeliveryState
from services.notifications.templates import TemplateSource
from services.ports import Ambiguous, Channel, Done, Later, MessageSender, SendOutcome, SendUnit
from tests.services.batch_jobs.test_sending import Bench

TEXT = TemplateSource("VERSANT", "Hello", "Hello {{ name }}", "")


class Interrupted:
    """A sender that does its work, of which nobody hears: its process dies, or its answer is lost."""

    def __init__(self, sender: MessageSender, *, dies: bool) -> None:
        self._sender, self._dies = sender, dies

    def send(self, unit: SendUnit) -> SendOutcome:
        self._sender.send(unit)
        if self._dies:
            raise SystemExit
        return Ambiguous("lost")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sender, name)


def inbox(looking: Any) -> list[tuple[str, str, str]]:
    rows = looking["notifications"].find().sort("_id")
    return [(row["user_id"], row["campus_id"], row["text"]) for row in rows]


def test_a_job_brings_its_messages_to_inboxes_and_they_count_as_delivered(runtime: Any, looking: Any) -> None:
    bench = Bench(runtime)

    job = bench.job(3, Channel.INBOX, sources={Channel.INBOX: TEXT})
    assert bench.run() == Done()

    assert bench.states(looking) == [DeliveryState.DELIVERED] * 3
    assert inbox(looking) == [(f"p{n}", "c1", f"Person {n}") for n in range(3)]
    stored = looking["batch_jobs"].find_one({"_id": job.id})
    assert (stored["state"], stored["counts"]) == ("completed", {"delivered": 3})
    ids = [row["provider_message_id"] for row in looking["deliveries"].find().sort("number")]
    assert ids == [row["_id"] for row in looking["notifications"].find().sort("_id")]


@pytest.mark.parametrize("dies", [True, False])
def test_whatever_interrupts_it_everybody_has_it_once(runtime: Any, looking: Any, dies: bool) -> None:
    # Given a job whose first try reached the inboxes, and nobody knows
    bench = Bench(runtime)
    well = bench.senders[Channel.INBOX]
    bench.senders[Channel.INBOX] = Interrupted(well, dies=dies)
    bench.job(3, Channel.INBOX, sources={Channel.INBOX: TEXT})
    if dies:
        with pytest.raises(SystemExit):
            bench.run()
    else:
        assert isinstance(bench.run(), Later)

    # When it is tried again
    bench.senders[Channel.INBOX] = well
    assert bench.run() == Done()

    # Then it is there once
    assert bench.states(looking) == [DeliveryState.DELIVERED] * 3
    assert len(inbox(looking)) == 3
