"""What a production server must be told before it serves anybody; development stays permissive."""

import secrets
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError

KEYS = ("JWT_SECRET_KEY", "PASSWORD_PEPPER", "TOKEN_KEY", "RECEIPT_KEY", "WEBHOOK_TOKEN")
RANDOM = {name: secrets.token_urlsafe(48) for name in (*KEYS, "METRICS_TOKEN", "WEBHOOK_TOKEN_PREVIOUS")}
GOOD = {name: RANDOM[name] for name in KEYS} | {
    "APP_ENV": "production",
    "PUBLIC_URL": "https://versant.test",
    "BREVO_API_KEY": "key",
    "SENDER_EMAIL": "from@versant.test",
    "SMS_SENDER": "Academy",
}


def faults(**changed: str) -> list[str]:
    """Return why this server does not start."""
    try:
        Settings.from_env(GOOD | changed)
    except SettingsError as error:
        return str(error).split("\n")
    return []


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {
            "METRICS_TOKEN": RANDOM["METRICS_TOKEN"],
            "WEBHOOK_TOKEN_PREVIOUS": RANDOM["WEBHOOK_TOKEN_PREVIOUS"],
        },
        {"S3_ENDPOINT_URL": "https://s3.example"},
        {"REDIS_URL": "rediss://:word@redis.example:6380/0"},
        {"REDIS_URL": "redis://127.0.0.1:6379/0"},
        {"REDIS_URL": "redis://[::1]/0"},
        {"REDIS_URL": "unix:///run/redis.sock"},
        {"MONGODB_URI": "mongodb://name:word@a.example:27017,b.example/versant?replicaSet=rs"},
        {"MONGODB_URI": "mongodb+srv://name:word@cluster.example/versant"},
        {"MONGODB_URI": "mongodb://localhost:27017,127.0.0.2:27018/versant"},
        {"MONGODB_URI": "mongodb://%2Frun%2Fmongodb-27017.sock/versant"},
        {"MONGODB_URI": "mongodb://a.example/versant?authMechanism=MONGODB-X509&tls=true"},
    ],
)
def test_what_production_accepts(changed: dict[str, str]) -> None:
    assert faults(**changed) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"TOKEN_KEY": RANDOM["RECEIPT_KEY"]}, "RECEIPT_KEY must not be the same as TOKEN_KEY"),
        (
            {"WEBHOOK_TOKEN": RANDOM["PASSWORD_PEPPER"]},
            "WEBHOOK_TOKEN must not be the same as PASSWORD_PEPPER",
        ),
        ({"METRICS_TOKEN": RANDOM["WEBHOOK_TOKEN"]}, "METRICS_TOKEN must not be the same as WEBHOOK_TOKEN"),
        (
            {"WEBHOOK_TOKEN_PREVIOUS": RANDOM["JWT_SECRET_KEY"]},
            "WEBHOOK_TOKEN_PREVIOUS must not be the same as JWT_SECRET_KEY",
        ),
        ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN must be 32 or more random bytes, or unset"),
        ({"BREVO_API_URL": "http://api.example/v3"}, "BREVO_API_URL must begin with https://"),
        ({"S3_ENDPOINT_URL": "http://s3.example"}, "S3_ENDPOINT_URL must begin with https://"),
        ({"REDIS_URL": "redis://redis.example:6379/0"}, "REDIS_URL must hold a password"),
        ({"REDIS_URL": "redis://name@redis.example/0"}, "REDIS_URL must hold a password"),
        ({"REDIS_URL": "redis://127.0.0.1.evil.example/0"}, "REDIS_URL must hold a password"),
        ({"REDIS_URL": "redis://[broken/0"}, "REDIS_URL must hold a password"),
        ({"MONGODB_URI": "mongodb://a.example/versant"}, "MONGODB_URI must hold a name and a password"),
        ({"MONGODB_URI": "mongodb://127.0.0.1,a.example/x"}, "MONGODB_URI must hold a name and a password"),
        ({"SENDER_EMAIL": ""}, "SENDER_EMAIL must be set"),
        ({"SMS_SENDER": ""}, "SMS_SENDER must be set"),
    ],
)
def test_what_production_refuses_is_one_sentence_without_the_value(
    changed: dict[str, str], said: str
) -> None:
    [fault] = faults(**changed)

    assert fault.startswith(said)
    assert not any(value and value in fault for value in changed.values())


def test_development_takes_all_of_it(tmp_path: Path) -> None:
    loose = {
        "APP_ENV": "development",
        "DATA_DIR": str(tmp_path),
        "TOKEN_KEY": "same",
        "RECEIPT_KEY": "same",
        "METRICS_TOKEN": "short",
        "BREVO_API_URL": "http://127.0.0.1:1",
        "S3_ENDPOINT_URL": "http://127.0.0.1:2",
        "REDIS_URL": "redis://redis.example",
        "MONGODB_URI": "mongodb://a.example/versant",
        "SENDER_EMAIL": "",
    }

    assert Settings.from_env(GOOD | loose).token_key == "same"
