"""`aomi mcp`, and what `aomi check` says of MCP servers: real processes."""

from __future__ import annotations

import json
import os
import sys

import pytest

from tests.support import commands
from tests.support.backend import free_port

CONFIG = """
model_list: [{model_name: demo, litellm_params: {model: demo}}]
apps: [{id: default, model: demo, tools: ["mcp:tests/add", "mcp:tests/missing", "mcp:away/*"]}]
mcp_servers:
  tests: {command: %s, args: [-m, tests.support.mcp_server]}
  away: {url: "http://127.0.0.1:%d/mcp"}
"""


@pytest.fixture
def aomi(tmp_path):
    config = tmp_path / "aomi.yaml"
    config.write_text(CONFIG % (sys.executable, free_port()))

    def run(*arguments):
        return commands.aomi(*arguments, environment={**os.environ, "AOMI_CONFIG": str(config)})

    return run


@pytest.mark.exhaustive
def test_the_tools_of_a_server_are_listed(aomi):
    listed = aomi("mcp", "tests")
    assert listed.returncode == 0, listed.stderr
    assert "tests__add" in listed.stdout
    tools = {tool["name"]: tool for tool in json.loads(aomi("mcp", "tests", "--json").stdout)["tools"]}
    assert tools["tests__add"]["parameters"]["required"] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [pytest.param("away", 1, "cannot be reached", marks=pytest.mark.long), ("other", 2, "no MCP server")],
)
def test_a_server_that_is_away_or_unknown_is_said_in_words(aomi, name, code, words):
    failed = aomi("mcp", name)
    assert (failed.returncode, words in failed.stderr) == (code, True), failed.stderr


@pytest.mark.exhaustive
def test_the_check_warns_of_servers_that_are_away_and_of_tools_they_lack(aomi):
    checked = aomi("check")
    assert checked.returncode == 0, checked.stderr
    assert "The tools of 'away' are not available" in checked.stdout
    assert "missing" in checked.stdout
