"""The MCP project's servers of PyPI: `mcp-server-time`, `-git` and `-fetch` of today, and one of the time before the
SDK's version 2, which speaks an older revision."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION

from app.catalog import McpServer
from tests.mcp.conftest import serving
from tests.support import processes, servers
from tests.support.programs import missing, needed

pytestmark = pytest.mark.exhaustive

INSTALLED = Path(__file__).parent / ".venv-mcp"


def server(name, *arguments, of="mcp-servers"):
    program = INSTALLED / of / "bin" / name
    if not program.exists():
        missing(f"{name} is not installed: make test-clients does that")
    return McpServer(command=str(program), args=arguments)


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.told = []

    def emit(self, record):
        self.told.append(record.getMessage())


@pytest.fixture(scope="module")
def running():
    berlin = ("--local-timezone", "Europe/Berlin")
    configured = {
        "time": server("mcp-server-time", *berlin),
        "old-time": server("mcp-server-time", *berlin, of="mcp-servers-old"),
        "git": server("mcp-server-git"),
        "fetch": server("mcp-server-fetch", "--ignore-robots-txt", "--allow-private-ips"),
    }
    log, lines = logging.getLogger("workers.mcp.connection"), Lines()
    log.addHandler(lines)
    log.setLevel(logging.INFO)
    with serving(configured) as running:
        running.log = lines.told
        yield running
    log.removeHandler(lines)


@pytest.mark.parametrize("name", ["time", "old-time"])
def test_servers_of_both_times_tell_the_time(running, name):
    told = running.call(f"{name}__convert_time", source_timezone="Asia/Tokyo", time="16:30", target_timezone="UTC")
    assert "07:30" in str(told)
    assert "error" in running.call(f"{name}__get_current_time", timezone="Nowhere/Land")


def test_they_speak_the_newest_revision_and_an_older_one(running):
    running.tool("time__convert_time")
    running.tool("old-time__convert_time")
    spoken = {line.split("'")[1]: line.split()[-1] for line in running.log if "speaks revision" in line}
    assert spoken["time"] == LATEST_MODERN_VERSION
    assert spoken["old-time"] in HANDSHAKE_PROTOCOL_VERSIONS


def test_a_repository_is_read(running, tmp_path):
    processes.run([needed("git"), "init", "--quiet", tmp_path], check=True)
    (tmp_path / "note.txt").write_text("a note")
    assert "note.txt" in str(running.call("git__git_status", repo_path=str(tmp_path)))


def test_a_page_is_fetched(running):
    with servers.serving(lambda request: servers.answer_json(request, 200, {"said": "hello"})) as url:
        assert "hello" in str(running.call("fetch__fetch", url=url))


def test_every_tool_of_theirs_can_be_given_to_a_model(running):
    for name in ("time", "old-time", "git", "fetch"):
        offer = running.offer(f"mcp:{name}/*")
        assert offer.tools
        assert offer.left_out == []
