"""Whether what came with an acknowledgement proves it: the code is ours, and it covers what was sent."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from config.secrets import development_key
from services.attempts.receipts import WHOLE, Receipts, Stored
from tests.faults import exam_facts
from tests.faults.exam_history import Deed, Did, ExamEvidence, Row


def judged(evidence: ExamEvidence, data_dir: Path) -> Sequence[tuple[Deed, bool]]:
    """Return every deed that got a receipt, with whether that holds."""
    receipts = Receipts.derived(development_key(data_dir, "receipt_key"))
    sent = exam_facts.sent(evidence)
    answers = {str(row["_id"]): row["answers"] for row in evidence.stored}
    return [
        (deed, _holds(receipts, deed, sent, answers.get(deed.attempt, {})))
        for deed in evidence.history
        if deed.ok and "receipt" in deed.reply
    ]


def _holds(
    receipts: Receipts, deed: Deed, sent: Mapping[tuple[str, str, int], Any], answers: Mapping[str, Row]
) -> bool:
    found = receipts.read(deed.attempt, deed.reply["receipt"])
    if found is None:
        return False
    if deed.did is Did.SAVE:
        slots = [(ack["slot"], ack["seq"]) for ack in deed.reply["acks"]]
        texts = [_stored(slot, seq, sent.get((deed.attempt, slot, seq))) for slot, seq in slots]
        return sorted(one.text for one in found.stored) == sorted(texts)
    if deed.did is Did.SUBMIT:
        texts = [_stored(slot, saved["seq"], saved["response"]) for slot, saved in answers.items()]
    else:
        texts = [_stored(one["slot"], one["seq"], one["response"]) for one in deed.reply["saved"]]
    return found.stored == (Stored(WHOLE, len(texts), _digest("~".join(sorted(texts)))),)


def _stored(slot: str, seq: int, response: Any) -> str:
    text = json.dumps(response, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{slot}.{seq}.{_digest(text)}"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode().rstrip("=")


def acknowledged_writes(history: Iterable[Deed]) -> int:
    """Return how many answers were acknowledged, each counted once."""
    return len(
        {
            (deed.attempt, one.slot, one.seq)
            for deed in history
            if deed.did is Did.SAVE and deed.ok
            for one in deed.answers
        }
    )
