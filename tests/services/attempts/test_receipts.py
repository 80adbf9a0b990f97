"""A receipt can be checked by whoever holds the answer, and made by nobody but the server."""

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest

from services.attempts.receipts import Receipts, Stored, digest_of, whole_of

AT = datetime(2026, 11, 27, 10, 0, 0, 123_000, tzinfo=UTC)
STORED = [Stored("1", 7, digest_of({"option": "a"})), Stored("12", 3, digest_of({"text": "ü~."}))]


def test_a_receipt_says_what_was_stored_and_when() -> None:
    receipts = Receipts.derived("secret")

    read = receipts.read("attempt", receipts.give("attempt", AT, STORED))

    assert read is not None
    assert (read.key_id, read.at, list(read.stored)) == (receipts.key_id, AT, STORED)


def test_what_was_touched_is_not_ours() -> None:
    receipts = Receipts.derived("secret")
    receipt = receipts.give("attempt", AT, STORED)
    forged = [
        receipt[:at] + ("A" if receipt[at] != "A" else "B") + receipt[at + 1 :] for at in range(len(receipt))
    ]

    assert all(receipts.read("attempt", one) is None for one in forged)
    assert receipts.read("another", receipt) is None
    assert Receipts.derived("other").read("attempt", receipt) is None


@pytest.mark.parametrize("nonsense", ["", "~", "~~~", "a~b~c~d", "é~1~1.1.x~y", "x" * 3_800])
def test_nonsense_is_not_ours(nonsense: str) -> None:
    assert Receipts.derived("secret").read("attempt", nonsense) is None


def test_receipts_of_the_key_before_still_count() -> None:
    old = Receipts.derived("old")
    receipt = old.give("attempt", AT, STORED)
    new = Receipts.derived("new", "old")

    read = new.read("attempt", receipt)

    assert read is not None
    assert read.key_id == old.key_id != new.key_id
    assert new.give("attempt", AT, STORED).startswith(new.key_id)


def test_a_whole_attempt_has_one_digest_in_whatever_order() -> None:
    assert whole_of(STORED) == whole_of(STORED[::-1])
    assert whole_of(STORED) != whole_of(STORED[:1])
    assert whole_of([]).seq == 0


def test_the_digest_is_what_the_documents_say() -> None:
    text = json.dumps({"b": "ü", "a": 1}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode().rstrip("=")

    assert digest_of({"a": 1, "b": "ü"}) == digest == digest_of({"b": "ü", "a": 1})
