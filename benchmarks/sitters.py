"""Students at work under load: what each sent, and what was acknowledged."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.load import Client, Do
from tests.exam_hall import Hall
from tests.wire import address, request

QUESTIONS: Final = 30
MANY: Final = 1000  # connections


@dataclass(slots=True)
class Sitter:
    """One student at work: what was sent, and what was acknowledged."""

    token: str
    attempt: str = ""
    seq: int = 0
    kept: dict[str, int] = field(default_factory=dict)

    def answer(self) -> tuple[str, int, bytes]:
        """Return slot, number and the bytes of the next save."""
        self.seq += 1
        slot = str(self.seq % QUESTIONS + 1)
        response = {"text": f"what I think of question {slot}, said for the {self.seq}. time"}
        body = {"answers": [{"slot": slot, "seq": self.seq, "response": response}]}
        return slot, self.seq, request("PUT", f"/student/attempts/{self.attempt}/answers", self.token, body)


class Exam:
    """One test with its sitters, against one server."""

    def __init__(self, hall: Hall, test_id: str, tokens: Sequence[str], url: str) -> None:
        self._hall, self._test_id, self._url = hall, test_id, url
        self.sitters = [Sitter(token) for token in tokens]

    def client(self, most: int = MANY, *, fresh: bool = False) -> Client:
        """Return connections to the server."""
        return Client(*address(self._url), most, fresh=fresh)

    def start(self, client: Client) -> Do:
        """Return what lets the student of a number begin."""

        async def do(number: int) -> int:
            sitter = self.sitters[number]
            path = f"/student/tests/{self._test_id}/attempts"
            status, body = await client.ask(request("POST", path, sitter.token))
            if status in (200, 201):
                sitter.attempt = json.loads(body)["id"]
            return status

        return do

    def save(self, client: Client, order: Callable[[int], int] | None = None) -> Do:
        """Return what saves one answer of the next student, or of the one that ``order`` names."""

        async def do(number: int) -> int:
            sitter = self.sitters[order(number) if order else number % len(self.sitters)]
            slot, seq, sent = sitter.answer()
            status, _ = await client.ask(sent)
            if status == 200:
                sitter.kept[slot] = max(seq, sitter.kept.get(slot, 0))
            return status

        return do

    def submit(self, client: Client) -> Do:
        """Return what ends the attempt of the student of a number."""

        async def do(number: int) -> int:
            sitter = self.sitters[number]
            path = f"/student/attempts/{sitter.attempt}/submit"
            return (await client.ask(request("POST", path, sitter.token)))[0]

        return do

    def lost(self) -> int:
        """Return how many acknowledged answers are not in the database, nor a newer one."""
        rows = self._hall.db["attempts"].find({"test_id": self._test_id}, {"answers": 1})
        stored = {str(row["_id"]): row["answers"] for row in rows}
        return sum(
            stored.get(sitter.attempt, {}).get(slot, {"seq": 0})["seq"] < seq
            for sitter in self.sitters
            for slot, seq in sitter.kept.items()
        )

    def unkept(self) -> "Exam":
        """Return the same students for saves of which nothing is expected afterwards."""
        twin = Exam(self._hall, self._test_id, [], self._url)
        twin.sitters = [Sitter(sitter.token, sitter.attempt) for sitter in self.sitters]
        return twin

    def results(self) -> int:
        """Return how many attempts are scored."""
        return self._hall.db["test_results"].count_documents({"test_id": self._test_id, "state": "scored"})
