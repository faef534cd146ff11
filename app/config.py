"""Every setting in one place: read from the environment, then from a `.env` file, validated at start."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from dotenv import load_dotenv
from pydantic import Field, HttpUrl, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from app import redis_urls
from app.errors import ConfigError

Source = PydanticBaseSettingsSource

RENAMED = {"model_calls": "max_model_calls", "wallet_ttl": "client_request_ttl"}
"""Old names of settings, which still work where the new one is not set."""


class _OldNames(EnvSettingsSource):
    """Reads settings by their old names."""

    def __call__(self) -> dict[str, Any]:
        """The settings that are set by an old name."""
        values = {new: self.env_vars.get(_variable(old).lower()) for old, new in RENAMED.items()}
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """What an operator may set. Times are seconds, sizes bytes. The README's table is made from this class."""

    model_config = SettingsConfigDict(env_prefix="AOMI_", extra="ignore", frozen=True)

    redis_url: str = Field(
        "redis://127.0.0.1:6379/0", validation_alias="REDIS_URL", description="the Redis that holds all state"
    )
    queue_redis_url: str = Field(
        "", validate_default=True, description="the Redis of the queue, if another one: a cluster cannot hold the queue"
    )
    redis_connections: int = Field(200, ge=10, description="connections that a process may open; beyond, callers wait")
    redis_tls_verify: bool = Field(True, description="`false` accepts a `rediss://` server's self-signed certificate")
    config: Path = Field(Path("aomi.yaml"), description="the file of apps and models")
    playground: bool = Field(True, description="`0` serves no page at `/`")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="the lowest level that is logged"
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="`json`, or `text` for reading in a terminal (the default in `aomi dev`)"
    )
    log_content: bool = Field(
        False, description="`1` also logs what users and models write; keys and secrets are never logged"
    )

    metrics: bool = Field(True, description="`0` collects no metrics and serves no `/metrics`")
    metrics_token: SecretStr | None = Field(
        None, description="`/metrics` requires it: `Authorization: Bearer ...`; empty is open to all"
    )
    metrics_interval: float = Field(5, gt=0, description="seconds between two reports of a process's metrics to Redis")
    metrics_ttl: int = Field(30 * 86400, ge=60, description="seconds that sums are kept after the last report")
    metrics_process_ttl: int = Field(
        3600,
        ge=60,
        description="seconds that a process's last report number is remembered; a report retried after that is counted "
        "twice",
    )
    otel: bool = Field(False, description="`1` sends OpenTelemetry traces to where the `OTEL_*` variables say")

    session_id_format: Literal["uuid", "token"] = Field(
        "uuid", description="`token` also accepts session ids of 8 to 128 characters out of `A-Za-z0-9:_.-`"
    )
    require_key_for_sessions: bool = Field(
        False, description="`true` requires the app's API key for every call about a session, not for chat alone"
    )
    session_ttl: int = Field(30 * 86400, ge=60, description="seconds that a session is kept after its last use")
    log_ttl: int = Field(3600, ge=60, description="seconds after a turn's end for which its events can be replayed")
    idempotency_ttl: int = Field(86400, ge=1, description="seconds that an `Idempotency-Key` is remembered")
    tool_ttl: int = Field(
        2 * 86400,
        ge=60,
        description="seconds that a multi-step tool's call is kept after its last step; no step may take longer",
    )
    tool_over_ttl: int = Field(
        60,
        ge=10,
        description="seconds that a finished multi-step call is kept, so that its turn can still read the first step",
    )
    fetch_ttl: int = Field(
        60, ge=1, description="seconds for which a fetch of system events can be repeated after its reply was lost"
    )
    failed_job_ttl: int = Field(86400, ge=1, description="seconds that a failed job is kept for inspection")
    updates_kept: int = Field(1000, ge=10, description="events kept of a session's update stream")
    usage_ttl: int = Field(
        400 * 86400, ge=32 * 86400, description="seconds that an API key's usage of a day and of a month is kept"
    )
    charge_ttl: int = Field(
        6 * 3600,
        ge=3600,
        description="seconds that the name of a counted model call is kept, so that it is counted once",
    )
    max_waiting: int = Field(8, ge=0, description="messages that may wait in one busy session")
    client_request_ttl: int = Field(
        3600,
        ge=1,
        description="seconds that a client has to reply to a tool's request, such as a transaction to sign",
    )
    max_queue: int = Field(
        1000, ge=1, description="turns that may wait for a worker; beyond, messages are refused with 503"
    )
    turns_per_key: int = Field(
        0, ge=0, description="sessions in which one API key may have turns running at once; `0` is no limit"
    )
    turns_per_address: int = Field(0, ge=0, description="the same, for one address")
    trusted_proxies: int = Field(
        0,
        ge=0,
        description="proxies before the web process that append to `X-Forwarded-For`: a client's address is read there",
    )
    requests_per_minute_key: int = Field(
        0, ge=0, description="requests a minute that change something, with one API key; `0` is no limit"
    )
    requests_per_minute_session: int = Field(0, ge=0, description="the same, about one session")
    requests_per_minute_address: int = Field(0, ge=0, description="the same, from one address")
    reads_per_minute_address: int = Field(
        0, ge=0, description="all other requests a minute, from one address; `0` is no limit"
    )
    wrong_keys_per_minute: int = Field(
        10,
        ge=0,
        description="wrong API keys a minute from one address; beyond, wrong keys get 429 while valid ones still work",
    )
    keep_alive: float = Field(10, gt=0, description="seconds of silence after which a stream gets a comment")

    cors_origins: str = Field(
        "", description="origins of web pages that may call the API, such as `https://app.example`, or `*`"
    )
    encryption_key: SecretStr | None = Field(
        None, description="Fernet keys for clients' keys and secrets: the first one encrypts, all of them decrypt"
    )
    send_timeout: float = Field(
        10, gt=0, description="seconds after which a client that neither reads nor sends is disconnected"
    )

    worker_threads: int = Field(100, ge=1, description="turns that a worker runs at once, and as many background jobs")
    grace: float = Field(25, ge=0, description="seconds that running turns may take to finish after SIGTERM")
    lease: float = Field(
        10, ge=1, description="seconds without a sign of life from a turn's worker after which the turn is lost"
    )

    stall_timeout: float = Field(60, gt=0, description="seconds of silence after which a model call is given up")
    provider_retries: int = Field(2, ge=0, description="retries of a model call that failed before its first token")
    retry_pause: float = Field(
        0.5,
        gt=0,
        description="base delay in seconds before the first retry (with jitter), doubled for each further",
    )
    max_model_calls: int = Field(16, ge=1, description="model calls of one turn")
    tool_timeout: float = Field(30, gt=0, description="seconds for one tool call, or for one step of a multi-step tool")
    tool_result_bytes: int = Field(64 * 1024, ge=256, description="bytes of one tool result as JSON")
    history_tokens: int | None = Field(
        None, ge=1, description="bound of a prompt's tokens, where it is below the model's context window"
    )
    litellm_stream: Literal["inner", "wrapper"] = Field(
        "inner", description="`wrapper` reads model streams through litellm's slower public wrapper"
    )
    price_api_url: HttpUrl = Field(
        HttpUrl("https://api.coinbase.com/v2"), description="the price API that the tool `GetTokenPrice` calls"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: Source,
        env_settings: Source,
        dotenv_settings: Source,
        file_secret_settings: Source,
    ) -> tuple[Source, ...]:
        """Arguments first, then the environment, then the environment's old names."""
        return init_settings, env_settings, _OldNames(settings_cls)

    @property
    def queue_url(self) -> str:
        """The Redis of the queue."""
        return self.queue_redis_url or self.redis_url

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        redis_urls.read(url)
        return url

    @field_validator("queue_redis_url")
    @classmethod
    def _holds_a_queue(cls, url: str, info: ValidationInfo) -> str:
        place = url or info.data.get("redis_url", "")  # which is not there when it is wrong
        if place and redis_urls.read(place).kind == "cluster":
            raise ValueError(NO_CLUSTER)
        return url


NO_CLUSTER = (
    "must name a Redis that is no cluster: RQ cannot keep the queue on one; with REDIS_URL on a cluster, set it to "
    "a Redis of its own, such as redis://host:6379/0"
)


def load() -> Settings:
    """Read the settings. Variables of `.env` that the environment lacks are added to it, keys of providers included.

    Raises `ConfigError`, naming each variable that is wrong and why.
    """
    load_dotenv(Path(".env"))
    try:
        return Settings()
    except ValidationError as error:
        wrong = (
            f"{_variable(str(part['loc'][0]))}: {part['msg'].removeprefix('Value error, ')}" for part in error.errors()
        )
        raise ConfigError("; ".join(wrong)) from None


def _variable(field: str) -> str:
    return field if field.isupper() else f"AOMI_{field.upper()}"


def table() -> str:
    """The settings as a Markdown table for the README."""
    rows = ["| variable | default | what it sets |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = _variable(str(field.validation_alias or name))
        default = "" if field.default in (None, "") else f"`{field.default}`"
        rows.append(f"| `{variable}` | {default} | {field.description} |")
    return "\n".join(rows)
