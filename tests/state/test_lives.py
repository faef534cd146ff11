"""Every key has an end to its life, and its life is the setting that the schema names."""

from __future__ import annotations

import re

import pytest

from app.config import Settings
from app.events import sse
from app.state import redis_keys, redis_schema
from app.state.tools.step_calls import StepToolCalls
from tests.support.remains import without_life

LIVES = {
    "AOMI_SESSION_TTL": 1000,
    "AOMI_LOG_TTL": 2000,
    "AOMI_IDEMPOTENCY_TTL": 3000,
    "AOMI_TOOL_TTL": 4000,
    "AOMI_TOOL_OVER_TTL": 500,
    "AOMI_FETCH_TTL": 600,
}
"""Each one differs, so that a key shows which it has."""

WITH_A_SETTING = [
    key for key in redis_schema.SCHEMA if key.pattern.startswith(redis_keys.session("<id>")) and "until" not in key.life
]


@pytest.fixture
def settings(monkeypatch):
    for name, seconds in LIVES.items():
        monkeypatch.setenv(name, str(seconds))
    return Settings(max_waiting=2, updates_kept=10, lease=60)


@pytest.fixture
def ended(full, runs, store):
    """The session of `full` when its turn and its tool have ended."""
    run, call = full
    runs.settle(runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
    StepToolCalls(store).finish(call)


def found(connection, pattern):
    """The names and lives of the keys of a kind."""
    rule = re.sub("<[a-z0-9_]+>", "[^:]+", re.escape(pattern)).replace("call:[^:]+:[^:]+", "call:[^:]+:.+")
    return {name: connection.ttl(name) for name in connection.scan_iter() if re.fullmatch(rule, name.decode())}


def expected(life):
    """The seconds that a key may have left by the words of the schema."""
    named = re.findall(r"AOMI_\w+", life)
    if life.endswith("a sixteenth longer"):
        return {LIVES["AOMI_SESSION_TTL"] * 17 // 16 + 1}
    return {LIVES[name] for name in named or ["AOMI_SESSION_TTL"]}


@pytest.mark.parametrize("key", WITH_A_SETTING, ids=lambda key: key.pattern)
def test_a_keys_life_is_the_setting_that_the_schema_names(key, ended, connection):
    waits = {redis_keys.waiting("s").encode()} - set(connection.scan_iter())
    lives = found(connection, key.pattern)
    assert lives or (waits and key.pattern.endswith(":waiting"))
    allowed = expected(key.life)
    if ":run:" in key.pattern:
        allowed |= {LIVES["AOMI_SESSION_TTL"]}  # of the turn that has come in behind and not ended
    for name, ttl in lives.items():
        assert any(limit - 5 <= ttl <= limit for limit in allowed), (name, ttl)


def test_the_index_lives_as_long_as_what_it_names(ended, connection):
    (_, last) = connection.zrevrange(redis_keys.kept("s"), 0, 0, withscores=True)[0]
    assert connection.pexpiretime(redis_keys.kept("s")) == int(last)


@pytest.mark.parametrize("kind", ["run", "call"])
def test_what_lives_on_stays_in_the_index(full, connection, runs, store, kind):
    """Each write that gives a key its life anew gives it to the entry, too."""
    run, call = full
    name = f"run:{run.id}" if kind == "run" else f"call:{run.id}:{call.call_id}"
    connection.zadd(redis_keys.kept("s"), {name: 1000})
    if kind == "run":
        runs.settle(runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
    else:
        StepToolCalls(store).deliver(call, 2, "a step", False)
    assert connection.zscore(redis_keys.kept("s"), name) >= connection.pexpiretime(f"{redis_keys.session('s')}:{name}")


def test_no_key_is_without_a_life(full, connection):
    assert without_life(connection) == []


def test_the_words_of_every_life_name_a_setting_or_say_what_ends_it():
    settings = {f"AOMI_{name.upper()}" for name in Settings.model_fields}
    for key in redis_schema.SCHEMA:
        named = re.findall(r"AOMI_\w+", key.life)
        assert set(named) <= settings
        assert named or re.match(r"as the session|(an entry: )?until ", key.life), key
