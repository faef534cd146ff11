"""What `aomi` prints of the words of clients and models: no sequence that a terminal obeys, no row that was forged."""

from __future__ import annotations

import json
import logging
import unicodedata

import pytest
import redis as redis_py
from click.testing import CliRunner

from app import services
from app.commands.chat.screen import Screen
from app.commands.chat.tools import request_lines
from app.commands.cli import cli
from app.config import Settings
from app.events import sse
from app.state.turns.turn_requests import TurnRequest
from app.telemetry import logs
from tests.support.backend import DEMO_ALONE

FORGED = "550e8400-e29b-41d4-a716-446655440000  2026-01-15T10:30:00.000Z  Paid"
EVIL = f"\x1b]0;owned\x07\x1b[2J\x9b2J\x7f\u202e\u2028\r\n{FORGED}"
"""It would clear the screen, rename the window, and begin a line that looks like one of ours."""


@pytest.fixture
def session_id(redis_url, monkeypatch, tmp_path):
    """A session full of such words, in a Redis of its own, to which `aomi` connects."""
    url, config = redis_url.replace("/0", "/10"), tmp_path / "aomi.yaml"
    config.write_text(DEMO_ALONE)
    monkeypatch.setenv("REDIS_URL", url)
    monkeypatch.setenv("AOMI_CONFIG", str(config))
    with redis_py.Redis.from_url(url) as connection:
        connection.flushdb()
        backend = services.build(Settings())
        backend.sessions.create("s-of-evil", {"title": EVIL, "public_key": "0xabc"})
        backend.sessions.open_thread("s-of-evil", EVIL)
        accepted = backend.runs.start("s-of-evil", TurnRequest(text=EVIL, app="default", model=EVIL))
        run = backend.runs.claim("s-of-evil", accepted.run_id, EVIL)
        call = sse.tool_call("call", EVIL, {"a": EVIL})
        backend.runs.append([("s-of-evil", run.id, 1, [call, sse.tool_result("call", EVIL, {"error": EVIL})])])
        backend.turns.end("s-of-evil", run.id, sse.error(EVIL, "internal", False))
        backend.api_keys.issue(("*",), EVIL)
        connection.hset(f"session:{{s-of-evil}}:run:{run.id}", "queued_at", "2026-01-15T10:30:00.000+00:00")
        yield "s-of-evil"
        connection.flushdb()


COMMANDS = [
    "sessions list",
    "sessions export s-of-evil",
    "inspect sessions",
    "inspect session s-of-evil",
    "inspect turns --ended",
    "inspect turn run_",
    "inspect sessions --json",
    "inspect turn run_ --json",
    "keys list",
    "keys list --json",
    "usage",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_prints_a_control_character_or_a_forged_row(session_id, command):
    ran = CliRunner().invoke(cli, command.replace("run_", _run_of(session_id)).split())
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert controls_in(ran.output) == set()
    assert not [line for line in ran.output.splitlines() if line.startswith(FORGED)]


def _run_of(session_id: str) -> str:
    return services.build(Settings()).sessions.get(session_id)["last_run"]


def controls_in(text: str) -> set[str]:
    kinds = ("Cc", "Cs", "Zl", "Zp")
    found = {char for char in text if unicodedata.category(char) in kinds or unicodedata.bidirectional(char) == "RLO"}
    return found - {"\n", "\t"}


def test_an_export_is_exact_all_the_same(session_id):
    ran = CliRunner().invoke(cli, ["sessions", "export", session_id])
    assert json.loads(ran.output)["sessions"][0]["fields"]["title"] == EVIL


def test_a_line_of_the_chat_is_one_line(capsys):
    screen = Screen(colour=False)
    for line in request_lines(1, "wallet_tx_request", {"label": EVIL, "to": EVIL, "value": "1", "chain_id": EVIL}):
        screen.say(line)
    screen.say(f"{EVIL} · app default", dim=True)
    screen.say_block(f"> {EVIL}")
    shown = capsys.readouterr().out
    assert controls_in(shown) == set()
    assert not [line for line in shown.splitlines() if line.startswith(FORGED)]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_of_the_log_is_no_other_one(form):
    try:
        raise ValueError(f"{EVIL}\n12:00:00 INFO    app.x: all is well")
    except ValueError as error:
        record = logging.makeLogRecord(
            {"name": "app.x", "levelname": "INFO", "msg": "said: %s", "args": (EVIL,), "exc_info": (None, error, None)}
        )
    shown = logs.formatter(form, content=True).format(record)
    assert controls_in(shown) == set()
    assert not [line for line in shown.split("\n")[1:] if not line.startswith("  ")]
