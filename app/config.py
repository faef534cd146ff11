"""Every setting on one screen: read from the environment, then from a `.env` file, validated at start."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from dotenv import load_dotenv
from pydantic import Field, HttpUrl, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import redis_urls
from app.errors import ConfigError


class Settings(BaseSettings):
    """What an operator may set. Times are seconds, sizes bytes. The README's table is made from this class."""

    model_config = SettingsConfigDict(env_prefix="AOMI_", extra="ignore", frozen=True)

    redis_url: str = Field(
        "redis://127.0.0.1:6379/0", validation_alias="REDIS_URL", description="where all state lives"
    )
    queue_redis_url: str = Field(
        "", validate_default=True, description="where the queue lives, if not there: a cluster cannot hold it"
    )
    redis_connections: int = Field(200, ge=10, description="connections a process may open; beyond, callers wait")
    redis_tls_verify: bool = Field(True, description="`false` takes a `rediss://` server's self-signed certificate")
    config: Path = Field(Path("aomi.yaml"), description="the file of apps and models")
    playground: bool = Field(True, description="`0` serves no page at `/`")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="how much is logged")
    log_format: Literal["json", "text"] = Field("json", description="`text` is for people; `aomi dev` takes it")
    log_content: bool = Field(False, description="`1` also logs what users and models say; keys and secrets never")

    metrics: bool = Field(True, description="`0` counts nothing and serves no `/metrics`")
    metrics_token: SecretStr | None = Field(None, description="`/metrics` asks for it: `Authorization: Bearer ...`")
    metrics_interval: float = Field(5, gt=0, description="a process brings what it has counted to Redis this often")
    metrics_ttl: int = Field(30 * 86400, ge=60, description="life of the sums when nobody counts any more")
    metrics_process_ttl: int = Field(
        3600,
        ge=60,
        description="a process is known for this long after its last report; one sent again later counts twice",
    )
    otel: bool = Field(False, description="`1` traces by OpenTelemetry, to where the `OTEL_*` variables say")

    session_id_format: Literal["uuid", "token"] = Field(
        "uuid", description="`token` also admits ids of 8 to 128 characters out of `A-Za-z0-9:_.-`"
    )
    require_key_for_sessions: bool = Field(
        False, description="`true` asks the app's API key of every call about a session, not of chat alone"
    )
    session_ttl: int = Field(30 * 86400, ge=60, description="life of a session after its last use")
    log_ttl: int = Field(3600, ge=60, description="how long a turn's events can be replayed after its end")
    idempotency_ttl: int = Field(86400, ge=1, description="how long a message's `Idempotency-Key` is remembered")
    tool_ttl: int = Field(
        2 * 86400, ge=60, description="a call of a multi-step tool after its last step; no step may take longer"
    )
    tool_over_ttl: int = Field(
        60, ge=10, description="such a call when it is over: the turn that made it may still read its first step"
    )
    fetch_ttl: int = Field(
        60, ge=1, description="how long a poll for system events whose answer was lost can be repeated"
    )
    failed_job_ttl: int = Field(86400, ge=1, description="a job that failed, to be looked at")
    updates_kept: int = Field(1000, ge=10, description="events kept of a session's update stream")
    usage_ttl: int = Field(
        400 * 86400, ge=32 * 86400, description="life of the sums of what an API key used on a day and in a month"
    )
    charge_ttl: int = Field(
        6 * 3600, ge=3600, description="how long the name of a counted model call is kept, so that it counts once"
    )
    max_waiting: int = Field(8, ge=0, description="messages that may wait in one busy session")
    wallet_ttl: int = Field(3600, ge=1, description="how long a client may take to answer what a tool asks of it")
    max_queue: int = Field(1000, ge=1, description="turns that may wait for a worker; beyond, messages are refused")
    turns_per_key: int = Field(0, ge=0, description="turns that one API key may have running at once; `0` is no limit")
    turns_per_address: int = Field(0, ge=0, description="turns that one address may have running at once")
    trusted_proxies: int = Field(
        0, ge=0, description="proxies before the web that write `X-Forwarded-For`: a client's address comes from there"
    )
    requests_per_minute_key: int = Field(
        0, ge=0, description="requests that change something, with one API key; `0` is no limit"
    )
    requests_per_minute_session: int = Field(0, ge=0, description="the same, about one session")
    requests_per_minute_address: int = Field(0, ge=0, description="the same, from one address")
    reads_per_minute_address: int = Field(0, ge=0, description="all other requests, from one address; `0` is no limit")
    wrong_keys_per_minute: int = Field(
        10, ge=0, description="wrong API keys from one address; beyond, they get 429 and right ones still work"
    )
    keep_alive: float = Field(10, gt=0, description="a comment goes to a silent stream this often")

    cors_origins: str = Field("", description="web pages that may call: origins such as `https://app.example`, or `*`")
    encryption_key: SecretStr | None = Field(
        None, description="Fernet keys for clients' keys and secrets; the first encrypts, the others still read"
    )
    send_timeout: float = Field(
        10, gt=0, description="a client that neither takes its stream nor sends its body is cut off after this"
    )

    worker_threads: int = Field(100, ge=1, description="turns (and as many background jobs) a worker runs at once")
    grace: float = Field(25, ge=0, description="how long running turns may go on after SIGTERM")
    lease: float = Field(10, ge=1, description="a turn whose worker has not been heard of for this long is lost")

    stall_timeout: float = Field(60, gt=0, description="a provider silent for this long is given up")
    provider_retries: int = Field(2, ge=0, description="more tries of a model call that failed before its first token")
    retry_pause: float = Field(0.5, gt=0, description="before the first of them, about; doubled each time")
    model_calls: int = Field(16, ge=1, description="model calls of one turn")
    tool_timeout: float = Field(30, gt=0, description="time for one tool call, or one step of a multi-step tool")
    tool_result_bytes: int = Field(64 * 1024, ge=256, description="size of one tool result")
    history_tokens: int | None = Field(None, ge=1, description="cap on a prompt's tokens, below the model's window")
    litellm_stream: Literal["inner", "wrapper"] = Field(
        "inner", description="`wrapper` reads model streams through litellm's slower public wrapper"
    )
    price_api_url: HttpUrl = Field(
        HttpUrl("https://api.coinbase.com/v2"), description="the price API that `GetTokenPrice` asks"
    )

    @property
    def queue_url(self) -> str:
        """Where the queue lives."""
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
    "must name a Redis that is no cluster, as the queue cannot live on one; with REDIS_URL on a cluster, set it to "
    "a Redis of its own, such as redis://host:6379/0"
)


def load() -> Settings:
    """Read the settings; what `.env` holds and the environment lacks joins it, keys of providers included.

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
