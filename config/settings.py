"""Settings: read once from the environment, then passed by hand. The only reader of ``os.environ``."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from config.permissions import Role
from config.secrets import development_key

SECRETS: Final = ("jwt_secret_key", "password_pepper", "token_key", "receipt_key")
OPTIONAL_SECRETS: Final = (
    "jwt_secret_key_previous",
    "receipt_key_previous",
    "webhook_token_previous",
    "metrics_token",
)
MIN_SECRET_BYTES: Final = 32
MIN_PRODUCTION_BCRYPT_ROUNDS: Final = 10
LOOPBACK: Final = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?")
KNOWN_SECRETS: Final = ("change", "secret", "default", "example", "password", "versant")


# One site of browsers, by name; no pattern and no ``*``, which would be everybody's.
Origin: TypeAlias = Annotated[str, Field(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]


class SettingsError(Exception):
    """The environment does not make a startable server; each line names a variable, never its value."""


def _comma_separated(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


class Settings(BaseModel):
    """Every knob, its type, its default and its unit. The variable is the field's name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app_env: Literal["development", "production"] = "development"
    product_name: str = "VERSANT"
    port: int = Field(8000, ge=0, le=65535)
    public_url: str = ""
    data_dir: Path = Path("data")
    cors_origins: Annotated[tuple[Origin, ...], BeforeValidator(_comma_separated)] = ()
    trusted_proxies: int = Field(0, ge=0, le=5)

    mongodb_uri: str = "mongodb://127.0.0.1:27017/versant?directConnection=true"
    mongodb_timeout_ms: int = Field(5_000, ge=100, le=60_000)
    redis_url: str = ""
    cache_entries: int = Field(50_000, ge=1, le=5_000_000)
    cache_megabytes: int = Field(64, ge=1, le=16_384)
    cache_seconds: float = Field(300.0, gt=0, le=86_400)
    response_cache_entries: int = Field(2_000, ge=1, le=1_000_000)
    response_cache_megabytes: int = Field(32, ge=1, le=16_384)
    response_cache_seconds: float = Field(300.0, gt=0, le=86_400)

    jwt_secret_key: str = ""
    jwt_secret_key_previous: str = ""
    password_pepper: str = ""
    token_key: str = ""
    receipt_key: str = ""
    receipt_key_previous: str = ""
    metrics_token: str = ""
    prometheus_multiproc_dir: str = ""
    access_token_seconds: int = Field(600, ge=5, le=3600)
    refresh_token_days: int = Field(14, ge=1, le=90)
    totp_required_roles: Annotated[tuple[Role, ...], BeforeValidator(_comma_separated)] = ()
    fresh_auth_seconds: int = Field(900, ge=10, le=86_400)
    bcrypt_rounds: int = Field(11, ge=4, le=16)
    hash_queue: int = Field(200, ge=1)
    password_min_length: int = Field(12, ge=8, le=64)
    superadmin_username: str = "superadmin"
    superadmin_password: str = ""

    sender_email: str = ""
    sender_name: str = ""
    sms_sender: str = ""
    sms_dlt_required: bool = False
    brevo_api_key: str = ""
    brevo_api_url: str = "https://api.brevo.com/v3"
    brevo_timeout_seconds: float = Field(10.0, gt=0, le=60)
    webhook_token: str = ""
    webhook_token_previous: str = ""
    breaker_open_seconds: float = Field(300.0, gt=0, le=3600)
    s3_bucket: str = ""
    s3_endpoint_url: str = ""
    aws_region: str = ""
    aws_access_key_id: str = ""
    aws_secret_access_key: str = Field("", repr=False)

    job_engine: Literal["threads", "dramatiq"] = "threads"
    job_workers: int = Field(100, ge=1, le=1000)
    immediate_workers: int = Field(32, ge=1, le=1000)
    immediate_queue: int = Field(200, ge=0)
    job_retention_days: int = Field(90, ge=1)
    job_longest_seconds: float = Field(900.0, ge=1, le=86_400)
    lease_seconds: float = Field(30.0, ge=0.5, le=600)
    sub_batch_size: int = Field(100, ge=1, le=100)
    pacing: Literal["provider", "interval"] = "provider"
    sub_batch_interval_seconds: int = Field(180, ge=1, le=86_400)
    daily_email_quota: int = Field(50_000, ge=0)
    daily_sms_quota: int = Field(20_000, ge=0)
    sms_settle_minutes: int = Field(60, ge=1)
    import_memory_mb: int = Field(512, ge=64)
    import_cpu_seconds: int = Field(20, ge=1)
    import_wall_seconds: int = Field(30, ge=1)
    code_runner: Literal["embedded", "none"] = "embedded"
    code_memory_mb: int = Field(256, ge=64, le=4096)

    web_role: Literal["all", "web", "worker"] = "all"
    max_sockets: int = Field(200, ge=1)
    worker_check_seconds: float = Field(30.0, ge=0.2, le=600)
    memory_pressure_percent: int = Field(90, ge=10, le=100)
    recycle_pause_seconds: float = Field(300.0, ge=0.2)
    loop_stuck_seconds: float = Field(120.0, ge=1)
    default_country: str = Field("IN", pattern="^[A-Z]{2}$")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def production(self) -> bool:
        """Whether the strict rules hold."""
        return self.app_env == "production"

    @property
    def link_base(self) -> str:
        """The address that one-time links begin with, without a slash at the end."""
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def link_origin(self) -> str:
        """The origin of the pages that people use, as browsers name it."""
        parts = urlsplit(self.link_base)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Build settings from ``NAME`` or ``NAME_FILE``; raise SettingsError that lists every fault."""
        read = {
            name: raw for name in cls.model_fields if (raw := _read(name, os.environ if env is None else env))
        }
        try:
            settings = cls.model_validate(read)
        except ValidationError as error:
            raise SettingsError("\n".join(_explain(fault) for fault in error.errors())) from None
        if settings.job_engine == "dramatiq" and not settings.redis_url:
            raise SettingsError("REDIS_URL must be set where JOB_ENGINE is dramatiq")
        if settings.production:
            if faults := production_faults(settings):
                raise SettingsError("\n".join(faults))
            return settings
        missing = {
            name: development_key(settings.data_dir, name) for name in SECRETS if not getattr(settings, name)
        }
        return settings.model_copy(update=missing)


def production_faults(settings: Settings) -> list[str]:
    """Return why this configuration must not serve real people; empty when it may."""
    faults = [
        f"{name.upper()} must be set to {MIN_SECRET_BYTES} or more random bytes"
        for name in (*SECRETS, "webhook_token")
        if weak_secret(getattr(settings, name))
    ]
    faults += [
        f"{name.upper()} must be {MIN_SECRET_BYTES} or more random bytes, or unset"
        for name in OPTIONAL_SECRETS
        if (value := getattr(settings, name)) and weak_secret(value)
    ]
    faults += [*_shared_secrets(settings), *_open_roads(settings)]
    if settings.bcrypt_rounds < MIN_PRODUCTION_BCRYPT_ROUNDS:
        faults.append(f"BCRYPT_ROUNDS must be {MIN_PRODUCTION_BCRYPT_ROUNDS} or more")
    if not settings.public_url.startswith("https://"):
        faults.append("PUBLIC_URL must be the https:// address that people use")
    if settings.superadmin_username == "superadmin" and settings.superadmin_password:
        faults.append("SUPERADMIN_USERNAME must not be the default when SUPERADMIN_PASSWORD is set")
    if not settings.brevo_api_key:
        faults.append("BREVO_API_KEY must be set: the outbox is for development")
    else:
        senders = ("sender_email", "sms_sender")
        faults += [f"{name.upper()} must be set" for name in senders if not getattr(settings, name)]
    return faults


def _shared_secrets(settings: Settings) -> Iterator[str]:
    """Yield which secrets are the same: whoever learns one would hold the other."""
    first: dict[str, str] = {}
    for name in (*SECRETS, "webhook_token", *OPTIONAL_SECRETS):
        if (value := getattr(settings, name)) and (other := first.setdefault(value, name)) != name:
            yield f"{name.upper()} must not be the same as {other.upper()}"


def _open_roads(settings: Settings) -> Iterator[str]:
    """Yield where others on the network could read along, or come in without a password."""
    for name in ("brevo_api_url", "s3_endpoint_url"):
        if (url := getattr(settings, name)) and not url.lower().startswith("https://"):
            yield f"{name.upper()} must begin with https://"
    redis, mongodb = _parts(settings.redis_url), _parts(settings.mongodb_uri)
    if not on_this_machine(redis) and not _password(redis) and "password=" not in redis.query:
        yield "REDIS_URL must hold a password, unless Redis is on this machine"
    if not on_this_machine(mongodb) and not _password(mongodb) and "authMechanism=" not in mongodb.query:
        yield "MONGODB_URI must hold a name and a password, unless MongoDB is on this machine"


def _parts(url: str) -> SplitResult:
    """Return the parts of a URL; of one that cannot be read those of a host without a password."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("unreadable://unreadable")


def on_this_machine(url: SplitResult) -> bool:
    """Tell whether each host of a URL is this machine: a loopback address, or a socket in a folder."""
    hosts = url.netloc.rpartition("@")[2].lower().split(",")
    return all(not host or host.endswith(".sock") or bool(LOOPBACK.fullmatch(host)) for host in hosts)


def _password(url: SplitResult) -> str:
    return url.netloc.rpartition("@")[0].partition(":")[2]


def weak_secret(value: str) -> bool:
    """Tell whether a secret is missing, short, repetitive or a known placeholder."""
    lowered = value.lower()
    return len(value.encode()) < MIN_SECRET_BYTES or len(set(value)) < 8 or lowered.startswith(KNOWN_SECRETS)


def _read(name: str, env: Mapping[str, str]) -> str | None:
    variable = name.upper()
    if path := env.get(f"{variable}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{variable}_FILE cannot be read: {error.strerror}") from None
    return env.get(variable)


def _explain(fault: Any) -> str:
    return f"{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
