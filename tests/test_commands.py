"""The command line of an installation, and what it says of settings that make no server."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commands.operations import doctor
from config.settings import Settings
from main import create_app
from services.ports import Channel
from tests.fakes.brevo_server import API_KEY, BrevoServer
from tests.fakes.s3_server import BUCKET, KEY_ID, REGION, SECRET, S3Server
from tests.servers import ROOT, clean_environment

SERVER = ("gunicorn", "-c", "gunicorn.conf.py", "--bind", "127.0.0.1:0", "main:create_app()")


@pytest.mark.parametrize(
    "arguments",
    [("flask", "--app", "main", "doctor"), SERVER],
    ids=["doctor", "gunicorn"],
)
def test_settings_that_make_no_server_are_sentences_and_code_78(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    given = {"APP_ENV": "production", "TOKEN_KEY": "weak-word", "DATA_DIR": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=clean_environment() | given | {"FLASK_SKIP_DOTENV": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )

    assert done.returncode == os.EX_CONFIG
    assert "TOKEN_KEY must be set to 32 or more random bytes" in done.stderr
    assert "PUBLIC_URL must be the https:// address" in done.stderr
    assert "Traceback" not in done.stderr
    assert "weak-word" not in done.stderr


def said(settings: Settings, change: dict[str, Any], paused: str = "") -> tuple[int, dict[str, str]]:
    """Return the exit code of doctor for such a server, and each line by what it is about."""
    app = create_app(settings.model_copy(update=change))
    runtime = app.extensions["versant"]
    try:
        if paused:
            channels = runtime.services.channels._channels
            channels.pause(Channel.SMS, paused, channels.state(Channel.SMS).epoch)
        result = app.test_cli_runner().invoke(doctor)
    finally:
        runtime.store.db.client.close()
    lines = [line.split(": ", 1) for line in result.output.splitlines()]
    return result.exit_code, {name[5:]: f"{name[:4].strip()} {detail}" for name, detail in lines}


def test_doctor_looks_at_the_bucket_the_channels_and_the_token_of_callbacks(
    settings: Settings, db: Any, tmp_path: Path
) -> None:
    assert db is not None
    with S3Server(tmp_path) as bucket, BrevoServer() as brevo:
        change = {
            "s3_bucket": BUCKET,
            "s3_endpoint_url": bucket.url,
            "aws_region": REGION,
            "aws_access_key_id": KEY_ID,
            "aws_secret_access_key": SECRET,
            "brevo_api_key": API_KEY,
            "brevo_api_url": brevo.url,
            "sender_email": "from@versant.test",
            "sms_sender": "Academy",
        }
        code, lines = said(settings, change, paused="Brevo: 402 not_enough_credits")
        refused = said(settings, change | {"aws_secret_access_key": "wrong"})
    away = said(settings, change)

    assert code == 0, lines
    assert lines["s3"] == "ok answers"
    assert lines["WEBHOOK_TOKEN"].startswith("look missing or weak")
    assert lines["email"].startswith("ok brevo")
    assert lines["sms"].startswith("look brevo")
    assert "Brevo: 402 not_enough_credits" in lines["sms"]
    assert (refused[0], refused[1]["s3"][:17]) == (1, "look answered 403")
    assert (away[0], away[1]["s3"][:20]) == (1, "look does not answer")
    assert away[1]["email"].startswith("look brevo")


def test_doctor_looks_at_the_folder_of_files_where_there_is_no_bucket(settings: Settings, db: Any) -> None:
    assert db is not None

    code, lines = said(settings, {})

    assert (code, lines["files"]) == (0, "ok lie on this machine")
