"""Settings: the environment, then `.env`, then the defaults; a mistake names its variable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app import config
from app.errors import ConfigError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory, and no setting in the environment."""
    for name in os.environ:
        if name.startswith("AOMI_") or name == "REDIS_URL":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("AOMI_MODEL_CALLS", "AOMI_MAX_MODEL_CALLS", "max_model_calls"),
        ("AOMI_WALLET_TTL", "AOMI_CLIENT_REQUEST_TTL", "client_request_ttl"),
    ],
)
def test_the_old_name_of_a_setting_works_unless_the_new_one_is_set(monkeypatch, old, new, field):
    monkeypatch.setenv(old, "7")
    assert getattr(config.load(), field) == 7
    monkeypatch.setenv(new, "9")
    assert getattr(config.load(), field) == 9


def test_everything_has_a_default():
    settings = config.load()
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.config == Path("aomi.yaml")


@pytest.mark.parametrize(
    ("field", "promised"), [("log_ttl", 3600), ("max_waiting", 8), ("keep_alive", 10), ("session_id_format", "uuid")]
)
def test_a_default_is_what_the_wire_contract_promises(field, promised):
    assert getattr(config.load(), field) == promised


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("REDIS_URL", "redis://elsewhere:6379/1", "redis_url", "redis://elsewhere:6379/1"),
        ("AOMI_CONFIG", "other.yaml", "config", Path("other.yaml")),
        ("AOMI_KEEP_ALIVE", "0.5", "keep_alive", 0.5),
        ("AOMI_SESSION_ID_FORMAT", "token", "session_id_format", "token"),
        ("AOMI_HISTORY_TOKENS", "4000", "history_tokens", 4000),
    ],
)
def test_a_variable_sets_its_field(monkeypatch, variable, value, field, expected):
    monkeypatch.setenv(variable, value)
    assert getattr(config.load(), field) == expected


def test_the_env_file_is_read(folder):
    (folder / ".env").write_text("AOMI_GRACE=3\nANTHROPIC_API_KEY=not-a-setting\n")
    assert config.load().grace == 3


def test_the_environment_goes_before_the_env_file(folder, monkeypatch):
    (folder / ".env").write_text("AOMI_GRACE=3\n")
    monkeypatch.setenv("AOMI_GRACE", "4")
    assert config.load().grace == 4


@pytest.mark.parametrize(
    ("variable", "value", "right"),
    [
        ("AOMI_WORKER_THREADS", "0", "greater than or equal to 1"),
        ("AOMI_STALL_TIMEOUT", "soon", "valid number"),
        ("AOMI_LOG_LEVEL", "LOUD", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("AOMI_PRICE_API_URL", "coinbase", "valid URL"),
        ("AOMI_TOOL_RESULT_BYTES", "10", "greater than or equal to 256"),
    ],
)
def test_a_wrong_value_names_its_variable_and_what_would_be_right(monkeypatch, variable, value, right):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=f"^{variable}: .*{right}"):
        config.load()


@pytest.mark.parametrize("prefix", ["chat", ":", ":chat:", "chat {1}:", "chat*:", "chät:", "a" * 64 + ":", "chat:\n"])
def test_a_prefix_of_another_form_is_refused(monkeypatch, prefix):
    monkeypatch.setenv("AOMI_REDIS_PREFIX", prefix)
    with pytest.raises(ConfigError, match=r"^AOMI_REDIS_PREFIX: must be letters.*end with one.*such as chat:$"):
        config.load()


@pytest.mark.parametrize("prefix", ["", "chat:", "a:b-2.x_:", "a" * 63 + ":"])
def test_a_prefix_ends_with_a_colon(monkeypatch, prefix):
    monkeypatch.setenv("AOMI_REDIS_PREFIX", prefix)
    assert config.load().redis_prefix == prefix


@pytest.mark.parametrize("queue", ["", "redis+cluster://q:7000"])
def test_a_cluster_needs_a_queue_elsewhere(monkeypatch, queue):
    monkeypatch.setenv("REDIS_URL", "redis+cluster://h:7000")
    monkeypatch.setenv("AOMI_QUEUE_REDIS_URL", queue)
    with pytest.raises(ConfigError, match=r"^AOMI_QUEUE_REDIS_URL: must name a Redis that is no cluster.*redis://"):
        config.load()


def test_the_queue_lives_with_the_state_unless_it_is_told_otherwise(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://one:6379/0")
    assert config.load().queue_url == "redis://one:6379/0"
    monkeypatch.setenv("AOMI_QUEUE_REDIS_URL", "redis://two:6379/0")
    assert config.load().queue_url == "redis://two:6379/0"


def test_a_wrong_url_is_told_without_its_password(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "http://aomi:hidden@h:6379")
    with pytest.raises(ConfigError, match=r"^REDIS_URL: has none of the schemes") as raised:
        config.load()
    assert "hidden" not in str(raised.value)


def test_every_wrong_variable_is_named_at_once(monkeypatch):
    monkeypatch.setenv("AOMI_LEASE", "0")
    monkeypatch.setenv("AOMI_LOG_TTL", "short")
    with pytest.raises(ConfigError) as raised:
        config.load()
    assert "AOMI_LEASE: " in str(raised.value)
    assert "AOMI_LOG_TTL: " in str(raised.value)


def test_the_table_has_each_setting_with_default_and_description():
    head, rule, *rows = config.table().splitlines()
    cells = [row.strip("| ").split(" | ") for row in rows]
    assert head.count("|") == rule.count("|") == 4
    assert [len(row) for row in cells] == [3] * len(config.Settings.model_fields)
    assert ["`REDIS_URL`", "`redis://127.0.0.1:6379/0`", "Redis for all state"] in cells
    assert ["`AOMI_LOG_TTL`", "`3600`", "how long a turn's events can be replayed after its end"] in cells


def test_the_table_leaves_the_default_of_an_optional_setting_empty():
    assert (
        "| `AOMI_HISTORY_TOKENS` |  | maximum tokens of a prompt, if lower than the model's context window |"
        in config.table()
    )


@pytest.mark.parametrize(
    ("variable", "field"), [("REDIS_URL", "redis_url"), ("AOMI_QUEUE_REDIS_URL", "queue_redis_url")]
)
def test_a_url_may_be_in_a_file_which_takes_precedence(monkeypatch, tmp_path, variable, field):
    """As Docker and Kubernetes provide secrets."""
    (tmp_path / "url").write_text("redis://aomi:secret@elsewhere:6379/1\n")
    monkeypatch.setenv(variable, "redis://127.0.0.1:6379/0")
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "url"))
    assert getattr(config.load(), field) == "redis://aomi:secret@elsewhere:6379/1"


def test_a_token_may_be_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "token").write_text("scrape\n")
    monkeypatch.setenv("AOMI_METRICS_TOKEN_FILE", str(tmp_path / "token"))
    assert config.load().metrics_token.get_secret_value() == "scrape"


def test_a_secret_that_cannot_be_read_names_its_variable_and_its_file(monkeypatch, tmp_path):
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match=r"REDIS_URL_FILE: cannot read '.*missing' \(FileNotFoundError\)"):
        config.load()
