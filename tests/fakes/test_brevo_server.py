"""The fake has to be right too: other tests believe what it counts."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fakes.brevo_plan import NORMAL, Plan, behaviour
from tests.fakes.brevo_server import API_KEY, BrevoServer

ROOT = Path(__file__).parents[2]
AUTH = {"api-key": API_KEY}


def mail(key: str, *people: str) -> dict[str, Any]:
    versions = [{"to": [{"email": one}], "headers": {"X-Mailin-custom": f"d-{one}"}} for one in people]
    return {
        "sender": {"email": "a@x.test"},
        "subject": "s",
        "htmlContent": "<p>h</p>",
        "headers": {"idempotencyKey": key},
        "messageVersions": versions,
    }


def post(url: str, path: str, body: object) -> requests.Response:
    return requests.post(url + path, json=body, headers=AUTH, timeout=60)


def test_a_call_has_one_effect_for_each_person_and_a_repeated_key_none() -> None:
    with BrevoServer() as brevo:
        first = post(brevo.url, "/smtp/email", mail("k1", "a@x.test", "b@x.test"))
        again = post(brevo.url, "/smtp/email", mail("k1", "a@x.test", "b@x.test"))
        other = post(brevo.url, "/smtp/email", mail("k2", "c@x.test"))

        assert (first.status_code, again.status_code, other.status_code) == (201, 400, 201)
        assert again.json()["code"] == "duplicate_parameter"
        assert first.json()["messageIds"] == [effect.message_id for effect in brevo.effects()[:2]]
        assert [effect.delivery_id for effect in brevo.effects()] == [
            "d-a@x.test",
            "d-b@x.test",
            "d-c@x.test",
        ]


def test_what_failed_before_accepting_leaves_its_key_free() -> None:
    with BrevoServer() as brevo:
        brevo.script("500_before")
        assert post(brevo.url, "/smtp/email", mail("k1", "a@x.test")).status_code == 500
        assert post(brevo.url, "/smtp/email", mail("k1", "a@x.test")).status_code == 201
        assert len(brevo.effects()) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sender": {}}, "missing_parameter"),
        ({"subject": ""}, "missing_parameter"),
        ({"htmlContent": ""}, "missing_parameter"),
        ({"tags": []}, "invalid_parameter"),
        ({"messageVersions": [{"to": [{"email": "a@x.test", "name": ""}]}]}, "missing_parameter"),
        ({"messageVersions": [{"to": [{"email": "nobody"}]}]}, "invalid_parameter"),
        ({"messageVersions": [{"to": [{"email": "a@x.test"}]}] * 1001}, "out_of_range"),
    ],
)
def test_it_refuses_what_the_real_one_refuses(change: dict[str, Any], code: str) -> None:
    with BrevoServer() as brevo:
        answer = post(brevo.url, "/smtp/email", mail("k", "a@x.test") | change)

        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert brevo.effects() == []


def test_sms_goes_over_both_paths_and_never_knows_a_repetition() -> None:
    body = {"sender": "X", "recipient": "+911", "content": "hi", "tag": "d1"}
    with BrevoServer() as brevo:
        brevo.plan.rejected = {"+912"}
        answers = [
            post(brevo.url, path, body).status_code
            for path in ("/transactionalSMS/sms", "/transactionalSMS/send")
        ]
        refused = [
            post(brevo.url, "/transactionalSMS/sms", body | change).json()["code"]
            for change in ({"recipient": "+912"}, {"content": ""})
        ]

        assert answers == [201, 201]
        assert refused == ["invalid_parameter", "missing_parameter"]
        assert [effect.delivery_id for effect in brevo.effects()] == ["d1", "d1"]


def test_without_its_key_or_its_paths_nothing_happens() -> None:
    with BrevoServer() as brevo:
        assert requests.get(brevo.url + "/account", timeout=60).status_code == 401
        assert requests.get(brevo.url + "/account", headers=AUTH, timeout=60).status_code == 200
        assert requests.get(brevo.url + "/other", headers=AUTH, timeout=60).status_code == 404
        assert post(brevo.url, "/other", {}).status_code == 404
        broken = requests.post(brevo.url + "/smtp/email", data="{", headers=AUTH, timeout=60)
        assert broken.status_code == 400


def test_a_seeded_plan_gives_the_same_faults_again() -> None:
    plan = {"random": {"seed": 7, "rate": 0.5}}

    def run() -> list[object]:
        chosen = Plan()
        chosen.load(plan)
        return [chosen.next({}) for _ in range(50)]

    assert run() == run()
    assert 10 < sum(one is not NORMAL for one in run()) < 40


def test_a_plan_can_name_presets_and_change_them() -> None:
    plan = Plan()
    plan.load(
        {"script": ["402", {"preset": "429", "headers": {"x-sib-ratelimit-reset": "9"}}], "always": "401"}
    )

    assert [plan.next({}).status for _ in range(3)] == [402, 429, 401]
    assert behaviour({"ending": "hang", "seconds": 1}).seconds == 1


def test_a_test_can_decide_by_the_request_itself() -> None:
    with BrevoServer() as brevo:
        brevo.plan.decide = lambda body: behaviour("402") if "b@x.test" in json.dumps(body) else None

        assert post(brevo.url, "/smtp/email", mail("k1", "a@x.test")).status_code == 201
        assert post(brevo.url, "/smtp/email", mail("k2", "b@x.test")).status_code == 402


@contextmanager
def process(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "tests.fakes.brevo_server", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        yield running.stdout.readline().removeprefix("ready ").strip(), running
        running.terminate()


def test_a_process_of_its_own_remembers_effects_and_keys_over_a_kill(tmp_path: Path) -> None:
    # Given a server that accepted a unit and was killed
    effects = tmp_path / "effects.jsonl"
    with process("--effects", str(effects), "--plan", '{"script": ["500_after"]}') as (url, running):
        assert post(url, "/smtp/email", mail("k1", "a@x.test")).status_code == 500
        running.send_signal(signal.SIGKILL)
        running.wait()

    # When it comes back
    with process("--effects", str(effects)) as (url, _):
        again = post(url, "/smtp/email", mail("k1", "a@x.test"))
        post(url.removesuffix("/v3"), "/_control", {"always": "402"})
        blocked = post(url, "/smtp/email", mail("k2", "a@x.test"))
        counts = requests.get(url.removesuffix("/v3") + "/_control", timeout=60).json()
        listed = requests.get(url.removesuffix("/v3") + "/_effects", timeout=60).json()

    # Then it knows the key, takes a new plan, and nothing was sent twice
    assert again.json()["code"] == "duplicate_parameter"
    assert blocked.status_code == 402
    assert counts == {"calls": 2, "effects": 1}
    assert [json.loads(line)["delivery_id"] for line in effects.read_text().splitlines()] == ["d-a@x.test"]
    assert [one["delivery_id"] for one in listed] == ["d-a@x.test"]
