"""Every setting, validated; reading.py reads them at start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, HttpUrl, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app import chain_urls, redis_urls
from app.checks import origins
from app.config.owners import OwnerSettings
from app.config.sources import Files, OldNames

Source = PydanticBaseSettingsSource

MAX_FEE_WEI = 50_000_000_000_000_000
"""The largest fee that Aomi's clients up to 0.1.31 add by themselves: 0.05 of the chain's coin."""


class Settings(OwnerSettings):
    """The settings of an operator. Times are seconds, sizes bytes. docs/settings.md shows this class as a table."""

    model_config = SettingsConfigDict(env_prefix="AOMI_", extra="ignore", frozen=True, allow_inf_nan=False)

    redis_url: str = Field("redis://127.0.0.1:6379/0", validation_alias="REDIS_URL", description="Redis for all state")
    queue_redis_url: str = Field(
        "",
        validate_default=True,
        description="Redis for the queue, if it is another one; required when `REDIS_URL` is a cluster",
    )
    redis_url_file: Path | None = Field(
        None,
        validation_alias="REDIS_URL_FILE",
        description="a file that contains `REDIS_URL`; user and password are read again for each connection",
    )
    queue_redis_url_file: Path | None = Field(None, description="the same for `AOMI_QUEUE_REDIS_URL`")
    redis_prefix: str = Field(
        "",
        description="begins the names of all keys and channels, such as `chat:`, on a Redis that is shared with others",
    )
    redis_connections: int = Field(
        200,
        ge=4,
        description="maximum connections to Redis of one process (a worker has at least 5); further callers wait for a "
        "free one",
    )
    redis_tls_verify: bool = Field(
        True, description="`false` accepts any certificate of a `rediss://` server, such as a self-signed one"
    )
    config: Path = Field(Path("aomi.yaml"), description="the file that defines apps and models")
    playground: bool = Field(True, description="`0` turns off the playground at `/`")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="minimum level of log lines")
    log_format: Literal["json", "text"] = Field(
        "json", description="`json`, or `text` for reading in a terminal (the default in `aomi dev`)"
    )
    log_content: bool = Field(
        False,
        description="`1` also logs the text of users and models (the default in `aomi dev`); "
        "keys and secrets are never logged",
    )

    metrics: bool = Field(True, description="`0` turns off counting and `/metrics`")
    metrics_token: SecretStr | None = Field(
        None, description="bearer token that `/metrics` requires: `Authorization: Bearer ...`"
    )
    metrics_interval: float = Field(5, gt=0, description="how often a process reports its counts to Redis")
    metrics_ttl: int = Field(30 * 86400, ge=60, description="how long the sums are kept after the last report")
    metrics_process_ttl: int = Field(
        3600,
        ge=60,
        description="how long a process's last report number is remembered; a report retried later is counted twice",
    )
    cluster_pubsub: Literal["classic", "ready", "sharded"] = Field(
        "classic",
        description="how tokens are published on a Redis Cluster: `classic` sends each one to all nodes, `sharded` to "
        "its master and its replicas; `ready` is `classic` that listens to both ways, while processes change over; see "
        "[scaling.md](scaling.md#sharded-pubsub)",
    )
    otel: bool = Field(False, description="`1` sends OpenTelemetry traces to the endpoint in the `OTEL_*` variables")
    otel_content: bool = Field(
        False,
        description="`1` adds messages, replies, arguments and results of tools, and comments of feedback to traces, "
        "which deletion does not reach; keys of known forms and clients' secrets are not in them",
    )

    session_id_format: Literal["uuid", "token"] = Field(
        "uuid", description="`token` also accepts ids of 8 to 128 characters from `A-Za-z0-9:_.-`"
    )
    require_key_for_sessions: bool = Field(
        False, description="`true` requires the app's API key on every request about a session, not only on chat"
    )
    session_ttl: int = Field(30 * 86400, ge=60, description="how long a session is kept after its last use")
    log_ttl: int = Field(3600, ge=60, description="how long a turn's events can be replayed after its end")
    idempotency_ttl: int = Field(86400, ge=1, description="how long a message's `Idempotency-Key` is remembered")
    tool_ttl: int = Field(
        2 * 86400,
        ge=60,
        description="how long a running multi-step call is kept after its last step; no step may take longer",
    )
    tool_over_ttl: int = Field(
        60,
        ge=10,
        description="how long a finished multi-step call is kept, so that its turn can still read the first step",
    )
    fetch_ttl: int = Field(
        60, ge=1, description="how long a poll for gen-1 system events can be repeated if Redis's reply was lost"
    )
    failed_job_ttl: int = Field(86400, ge=1, description="how long a failed job is kept for inspection")
    updates_kept: int = Field(1000, ge=10, description="approximate number of events kept in a session's update stream")
    usage_ttl: int = Field(
        400 * 86400, ge=32 * 86400, description="how long the daily and monthly usage of an API key is kept"
    )
    charge_ttl: int = Field(
        6 * 3600,
        ge=3600,
        description="how long the id of a counted model call is remembered, so that it is counted once",
    )
    max_waiting: int = Field(8, ge=0, description="messages that may wait in one busy session; further ones get 429")
    max_threads: int = Field(500, ge=1, description="threads that one session may have; opening another one gets 409")
    client_request_ttl: int = Field(
        3600, ge=1, description="how long a client request of a tool (a wallet transaction, for example) stays open"
    )
    answer_ttl: int = Field(
        86400, ge=1, description="how long a call that asks a person, or a client tool's, waits for its answer"
    )
    max_queue: int = Field(1000, ge=1, description="turns that may wait for a worker; further messages get 503")
    turns_per_key: int = Field(0, ge=0, description="concurrent turns of one API key; `0` is no limit")
    turns_per_address: int = Field(0, ge=0, description="concurrent turns of one client address; `0` is no limit")
    tools_per_session: int = Field(
        10, ge=0, description="multi-step tools of one session that may run in the background; `0` is no limit"
    )
    tools_per_address: int = Field(
        50, ge=0, description="multi-step tools of one client address that may run in the background; `0` is no limit"
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        description="number of proxies in front that write `X-Forwarded-For`, which then gives the client's address",
    )
    requests_per_minute_key: int = Field(
        0, ge=0, description="writing requests (`POST`, `PATCH`, `DELETE`) with one API key; `0` is no limit"
    )
    requests_per_minute_session: int = Field(0, ge=0, description="writing requests about one session; `0` is no limit")
    requests_per_minute_address: int = Field(
        0, ge=0, description="writing requests from one client address; `0` is no limit"
    )
    reads_per_minute_address: int = Field(
        0, ge=0, description="all other requests from one client address; `0` is no limit"
    )
    wrong_keys_per_minute: int = Field(
        10, ge=0, description="wrong API keys from one client address; further ones get 429, valid keys still work"
    )
    keep_alive: float = Field(10, gt=0, description="interval of keep-alive comments on a silent stream")

    cors_origins: str = Field(
        "", description="origins of web pages that may call the API, such as `https://app.example`, or `*`"
    )
    encryption_key: SecretStr | None = Field(
        None, description="Fernet keys for clients' provider keys and secrets: the first encrypts, all decrypt"
    )
    send_timeout: float = Field(
        10,
        gt=0,
        description="a client that neither reads its stream nor continues its request is disconnected after this time; "
        "one that is idle, slow to send a request or slow to read a response, after three times as long",
    )

    drain: float = Field(
        0,
        ge=0,
        le=60,
        description="how long a web process still serves all requests after SIGTERM, while `/readyz` fails: as long as "
        "a load balancer with health checks needs to notice",
    )
    worker_threads: int = Field(200, ge=1, description="concurrent turns of one worker, and as many background jobs")
    worker_turns: int = Field(
        0,
        ge=0,
        description="a worker ends itself after this many turns, so that its supervisor starts a new one; `0` is never",
    )
    grace: float = Field(25, ge=0, description="how long running turns may continue after SIGTERM")
    lease: float = Field(10, ge=1, description="a turn is lost when its worker has not renewed its lease for this time")

    stall_timeout: float = Field(
        60, gt=0, description="a model call is given up when the provider sends nothing for this time"
    )
    provider_retries: int = Field(
        2,
        ge=0,
        description="retries of a model call that failed before its first token for a reason that may pass, "
        "such as 429, 5xx or a lost connection",
    )
    retry_pause: float = Field(
        0.5,
        gt=0,
        description="base delay before the first retry (with jitter), doubled for each further retry, at most 8 s; "
        "a provider's own `Retry-After` takes precedence",
    )
    max_model_calls: int = Field(16, ge=1, description="maximum model calls of one turn")
    tool_timeout: float = Field(
        30, gt=0, description="time limit of one tool call, or of the first step of a multi-step tool"
    )
    long_sleep: float = Field(
        5, gt=0, description="a resumable tool that sleeps longer gives its thread back until then"
    )
    tool_result_bytes: int = Field(64 * 1024, ge=256, description="maximum size of one tool result")
    history_tokens: int | None = Field(
        None, ge=1, description="maximum tokens of a prompt, if lower than the model's context window"
    )
    litellm_stream: Literal["inner", "wrapper"] = Field(
        "inner",
        description="`wrapper` makes each call through litellm and reads it through litellm's slower public wrapper",
    )
    max_file: int = Field(
        5 * 1024 * 1024, ge=1024, le=50 * 1024 * 1024, description="maximum size of one uploaded file"
    )
    max_body: int = Field(
        8 * 1024 * 1024,
        ge=1024 * 1024,
        le=64 * 1024 * 1024,
        description="maximum size of a request body whose client may send its whole history, such as `/ai/chat`; other "
        "bodies may have 1 MiB",
    )
    files_url: str = Field(
        "",
        description="where the bytes of files are, if not in Redis: a folder (`file:///srv/aomi/files`), or any other "
        "address of fsspec whose package is installed, such as `s3://bucket/files` with `aomi-backend[s3]`",
    )
    price_api_url: HttpUrl = Field(
        HttpUrl("https://api.coinbase.com/v2"), description="price API that `GetTokenPrice` calls"
    )

    webhook_timeout: float = Field(
        15, gt=0, le=60, description="time limit of one attempt to send a [webhook](webhooks.md) message"
    )
    chain_rpc: SecretStr | None = Field(
        None,
        description="address of the JSON-RPC node that `POST /api/simulate` asks, or JSON with one for each chain id: "
        '`{"1": "https://...", "8453": "https://..."}`',
    )
    simulation_timeout: float = Field(
        10, gt=0, description="time limit of one simulation, all calls to the node included"
    )
    max_simulations: int = Field(
        20, ge=1, description="concurrent simulations of one web process; further ones get 503"
    )
    simulation_fee_wei: int = Field(
        1,
        ge=1,
        le=MAX_FEE_WEI,
        description="fee in wei that Aomi's widget adds to each batch that was simulated; it signs none without a fee",
    )
    simulation_fee_recipient: str = Field(
        "",
        pattern="^(0x[0-9a-fA-F]{40})?$",
        description="address that gets the fee; without one it is the sender's own, so that nobody pays",
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
        """Arguments first, then files, then the environment, then the environment's old names."""
        return init_settings, Files(settings_cls), env_settings, OldNames(settings_cls)

    @property
    def queue_url(self) -> str:
        """Where the queue lives."""
        return self.queue_redis_url or self.redis_url

    @property
    def chain_urls(self) -> dict[int, str]:
        """The JSON-RPC node of each chain (see `app.chain_urls`), {} when there is none."""
        setting = self.chain_rpc.get_secret_value().strip() if self.chain_rpc else ""
        return chain_urls.read(setting) if setting else {}

    @field_validator("chain_rpc")
    @classmethod
    def _has_chain_urls(cls, setting: SecretStr | None) -> SecretStr | None:
        if setting and setting.get_secret_value().strip():
            chain_urls.read(setting.get_secret_value())
        return setting

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        redis_urls.read(url)
        return url

    @field_validator("redis_prefix")
    @classmethod
    def _is_apart(cls, prefix: str) -> str:
        if prefix and not re.fullmatch(r"[\w.-][\w.:-]{0,62}:", prefix, re.ASCII):
            raise ValueError(PREFIX_FORM)
        return prefix

    @field_validator("files_url")
    @classmethod
    def _is_a_place(cls, url: str) -> str:
        if url and not re.match(r"[a-z][a-z0-9+]*:/*[^/]", url):
            raise ValueError("must be an address such as file:///srv/aomi/files or s3://bucket/files")
        return url

    @field_validator("queue_redis_url")
    @classmethod
    def _holds_a_queue(cls, url: str, info: ValidationInfo) -> str:
        place = url or info.data.get("redis_url", "")  # which is not there when it is wrong
        if place and redis_urls.read(place).kind == "cluster":
            raise ValueError(NO_CLUSTER)
        return url

    @field_validator("cors_origins")
    @classmethod
    def _can_match(cls, setting: str) -> str:
        origins.refuse_useless(setting)
        return setting


PREFIX_FORM = (
    "must be letters, digits, '_', '.', '-' and ':', begin with no ':', end with one, and have at most 64 characters, "
    "such as chat:"
)

NO_CLUSTER = (
    "must name a Redis that is no cluster, because the queue cannot run on one; with REDIS_URL on a cluster, set it to "
    "a Redis of its own, such as redis://host:6379/0"
)
