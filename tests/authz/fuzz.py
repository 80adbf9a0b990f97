"""Sends what a generator makes of ``/openapi.json``, fitting and not, and says where a reply breaks its word.

Schemathesis makes the requests and judges the replies; ids of the world are put into half of them, so that
they get further than to a 404. Whatever a batch of requests changes is put back after it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.authz.effects import Effects
from tests.authz.world import World
from tests.security.telltale import told

CHECKS: Final = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
# Named by an argument or field that ends like this, which collection has the ids.
COLLECTIONS: Final = {
    "admin_id": "users",
    "batch_id": "batches",
    "campus_id": "campuses",
    "course_id": "courses",
    "course_ids": "courses",
    "delivery_id": "deliveries",
    "file_id": "files",
    "ids": "students",
    "import_id": "imports",
    "instance_id": "batch_course_instances",
    "job_id": "batch_jobs",
    "letter_id": "dead_letters",
    "notification_id": "notifications",
    "recipient_id": "students",
    "student_id": "students",
    "student_ids": "students",
    "suppression_id": "suppressions",
}
# Refusals that a request which does not fit may get.
REFUSALS: Final = (
    "400",
    "401",
    "403",
    "404",
    "405",
    "409",
    "410",
    "412",
    "413",
    "414",
    "415",
    "422",
    "429",
    "431",
)
SAYS_ITSELF: Final = ("GET /health/ready",)  # its loops rest while this runs, and it says so
ID: Final = re.compile(r"(^|_)ids?$")
SHOWN: Final = 600


@dataclass(slots=True)
class Fuzz:
    """Requests to one app as several people. ``findings`` has one line for each kind of fault."""

    app: Flask
    world: World
    effects: Effects
    proofs: Sequence[str]
    seed: int
    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    findings: dict[tuple[str, str], str] = field(default_factory=dict)

    def through(self, cases: int) -> None:
        """Send about so many requests to each operation, fitting and not, each as somebody."""
        document = self.app.test_client().get("/openapi.json").get_json()
        config = {"checks": {"negative_data_rejection": {"expected-statuses": list(REFUSALS)}}}
        schema = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(config))
        schema.app = self.app
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            for mode in GenerationMode:
                with suppress(Unsatisfiable):  # nothing can be sent that does not fit
                    self._ask(found.ok(), mode, max(1, cases // len(GenerationMode)))
            if changed := self.effects.changed():
                self.effects.undo(changed)

    def _ask(self, operation: Any, mode: GenerationMode, cases: int) -> None:
        random = Random(f"{self.seed} {operation.label} {mode}")

        @seed(self.seed)
        @settings(
            max_examples=cases,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
            deadline=None,
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            if mode.is_positive and random.random() < 0.5:
                self._aim(case, random)
            proof = random.choice(self.proofs)
            headers = {"Accept-Encoding": "identity"} | ({"Authorization": proof} if proof else {})
            self._judge(case, case.call(headers=headers), headers)

        ask()

    def _aim(self, case: Any, random: Random) -> None:
        """Put ids that there are where ids go."""
        for name in case.path_parameters or {}:
            if ID.search(name):
                case.path_parameters[name] = self._id(name, random)
        if isinstance(case.body, dict):
            for name, value in case.body.items():
                if ID.search(name) and value is not None:
                    one = self._id(name, random)
                    case.body[name] = [one] if isinstance(value, list) else one

    def _id(self, name: str, random: Random) -> str:
        rows = self.world.rows.get(COLLECTIONS.get(name, "students"), {})
        return random.choice(sorted(rows)) if rows else "0" * 24

    def _judge(self, case: Any, response: Any, headers: Mapping[str, str]) -> None:
        self.cases += 1
        self.statuses[response.status_code] += 1
        for kind, said in (*_broken(case, response, headers), *_leaks(case, response)):
            asked, answer = case.as_curl_command()[:SHOWN], _text(response)[:SHOWN]
            shown = f"{kind}\n{said}\n{asked}\n{response.status_code} {answer}"
            self.findings.setdefault((kind, case.operation.label), shown)


def _broken(case: Any, response: Any, headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield how a reply breaks what the document promises."""
    try:
        left = [not_a_server_error] if case.operation.label in SAYS_ITSELF else []
        if case.body is NOT_SET:  # a list of one, or of none, in a query is sent like a text, or not at all
            left.append(checks.negative_data_rejection)
        case.validate_response(response, checks=CHECKS, excluded_checks=left, headers=dict(headers))
    except FailureGroup as group:
        yield from ((failure.title, str(failure.message)[:SHOWN]) for failure in group.exceptions)
    except Failure as failure:
        yield failure.title, str(failure.message)[:SHOWN]


def _leaks(case: Any, response: Any) -> Iterator[tuple[str, str]]:
    """Yield what an error tells that it must not."""
    if response.status_code >= 400:
        sent = f"{case.path_parameters} {case.query} {case.headers} {case.body}"
        yield from (("an error tells of the inside", found) for found in told(_text(response), sent))


def _text(response: Any) -> str:
    return str(response.content.decode("utf-8", "replace"))
