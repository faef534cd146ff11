"""docs/backup-and-upgrade.md: its commands, run with a real Redis."""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path

import pytest
import redis as redis_py
import yaml

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support import processes
from tests.support.backend import ROOT, AppendOnlyRedis, Backend, redis_running, until
from tests.support.client import Client, kinds
from tests.support.patience import setting
from tests.support.programs import needed
from tests.support.servers import Held, Text

PAGE = (ROOT / "docs/backup-and-upgrade.md").read_text()
BACK_UP, RESTORE, COPY = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def shell(script, **environment):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return processes.run(["bash", "-ec", script], env=dict(os.environ) | {"PATH": path} | environment, cwd=ROOT)


def ask(url, *command):
    with redis_py.Redis.from_url(url) as client:
        until(lambda: answers(client), what="Redis")
        return client.execute_command(*command)


def answers(client):
    try:
        return client.ping()
    except redis_py.ConnectionError:
        return False


@pytest.fixture
def place(tmp_path):
    """An append-only Redis, its directory, and the place of a backup."""
    needed("redis-cli")
    data = tmp_path / "data"
    data.mkdir()
    redis = AppendOnlyRedis(data)
    ask(redis.url, "CONFIG", "SET", "repl-diskless-sync-delay", "0")  # else each snapshot waits for 5 s
    yield redis, data, tmp_path / "aomi.rdb"
    redis.stop()


def test_a_restored_redis_has_the_data_of_the_backup_and_keeps_what_follows(place):
    redis, data, backup = place
    ask(redis.url, "SET", "kept", "1")
    made = shell(BACK_UP, REDIS_URL=redis.url, BACKUP=str(backup))
    assert "RDB looks OK" in made.stdout, made.stderr
    ask(redis.url, "SET", "later", "1")
    redis.stop()
    restored = shell(RESTORE, BACKUP=str(backup), DIRECTORY=str(data))
    assert restored.stdout.startswith("restored 1 keys"), restored.stderr
    (before,) = data.glob("before-restore-*")
    assert (before / "appendonlydir").exists()
    redis.start()
    assert sorted(ask(redis.url, "KEYS", "*")) == [b"kept"]
    ask(redis.url, "SET", "new", "1")
    redis.stop()
    redis.start()
    assert sorted(ask(redis.url, "KEYS", "*")) == [b"kept", b"new"]


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="only Linux tells where a process works")
def test_nothing_is_restored_below_a_server_that_runs(place):
    redis, data, backup = place
    shell(BACK_UP, REDIS_URL=redis.url, BACKUP=str(backup))
    refused = shell(RESTORE, BACKUP=str(backup), DIRECTORY=str(data))
    assert refused.returncode == 1
    assert f"uses {data}; stop it first" in refused.stderr
    assert not list(data.glob("before-restore-*"))


@pytest.mark.parametrize("content", [b"", b"REDIS0011 cut"])
def test_a_backup_that_is_not_whole_replaces_nothing(place, content):
    redis, data, backup = place
    ask(redis.url, "SET", "kept", "1")
    redis.stop()
    backup.write_bytes(content)
    assert shell(RESTORE, BACKUP=str(backup), DIRECTORY=str(data)).returncode != 0
    redis.start()
    assert ask(redis.url, "KEYS", "*") == [b"kept"]


def test_keys_are_copied_with_their_lifetimes(tmp_path):
    for name in ("source", "target"):
        (tmp_path / name).mkdir()
    with redis_running(tmp_path / "source") as source, redis_running(tmp_path / "target") as target:
        ask(source, "SET", "text", "1")
        ask(source, "HSET", "hash", "field", "1")
        ask(source, "SET", "short", "1", "EX", "1000")
        copied = shell(COPY, REDIS_URL=source, TARGET_URL=target)
        assert copied.stdout == "3 keys\n", copied.stderr
        assert ask(target, "HGET", "hash", "field") == b"1"
        assert ask(target, "TTL", "text") == -1
        assert 0 < ask(target, "TTL", "short") <= 1000


@pytest.mark.long
def test_people_go_on_behind_the_backup(place, config_file, provider):
    """A turn that ran then ends as lost and is not run again; one that waited runs."""
    redis, data, backup = place
    environment = {"AOMI_CONFIG": str(config_file), "TEST_API_KEY": "sk-x", "AOMI_LEASE": setting(5)}
    environment |= {"AOMI_GRACE": "0"}
    backend = Backend(data.parent, redis.url, environment)
    with redis_py.Redis.from_url(redis.url) as connection:
        key = ApiKeys(Store(connection, Settings())).issue(("*",), "tests")
    backend.worker()
    url = backend.web()[1]
    calm, busy = Client(url, key), Client(url, key)
    calm.ask(provider.script("before", [Text(["then"])]), app="scripted")
    known, held = calm.state()["messages"], threading.Event()
    running = provider.script("running", [Text(["half "]), Held(held)])
    waiting = provider.script("waiting", [Text(["at last"])])
    with busy.chat(running, app="scripted") as stream, busy.chat(waiting, app="scripted"):
        stream.next("text")
        assert "RDB looks OK" in shell(BACK_UP, REDIS_URL=redis.url, BACKUP=str(backup)).stdout
        held.set()
    calm.ask(provider.script("after", [Text(["now"])]), app="scripted")
    backend.stop()
    redis.stop()
    assert shell(RESTORE, BACKUP=str(backup), DIRECTORY=str(data)).returncode == 0
    asked = len(provider.requests(running))
    redis.start()
    ask(redis.url, "PING")
    again = Backend(data, redis.url, environment)
    again.worker()
    url = again.web()[1]
    calm, busy = (Client(url, key, client.session_id) for client in (calm, busy))
    assert calm.state()["messages"] == known
    assert kinds(calm.ask("before", app="scripted"))[-1] == "complete"
    until(lambda: busy.state()["status"] == "idle", what="the end of what was under way")
    said = [(message["role"], message["content"]) for message in busy.state()["messages"]]
    assert ("assistant", "half ") in said
    assert said[-1] == ("assistant", "at last")
    assert len(provider.requests(running)) == asked
    again.stop()


def test_the_commands_for_compose_name_its_services_and_files():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (stopped,) = re.findall(r"^docker compose stop (.+)$", PAGE, re.MULTILINE)
    assert set(stopped.split()) == set(services)
    assert services["redis"]["volumes"] == ["redis-data:/data"]
    assert "/restore-redis.sh /tmp/aomi.rdb /data" in PAGE


def test_a_stream_of_the_snapshot_is_the_snapshot(place):
    """As Compose's line takes it out of the container."""
    redis, _, backup = place
    ask(redis.url, "SET", "kept", "1")
    assert "redis-cli --rdb - > aomi.rdb" in PAGE
    shell('redis-cli -u "$REDIS_URL" --rdb - > "$BACKUP"', REDIS_URL=redis.url, BACKUP=str(backup))
    assert shell('redis-check-rdb "$BACKUP"', BACKUP=str(backup)).returncode == 0
