"""Servers that answer wrongly, or with too much: programs and addresses that do not use the SDK."""

from __future__ import annotations

import sys
import time

import pytest

from app.catalog import McpServer
from tests.mcp.conftest import serving
from tests.support import servers as http
from tests.support import wrong_mcp_server
from tests.support.patience import kept
from workers.mcp.connection import MAX_TOOLS

PROGRAMS = ["prints", "old version", "no shape", "no list", "no result", "many", "endless", "odd schemas"]
ANSWERS = {
    "html": (200, "text/html", b"<html>"),
    "broken": (500, "text/plain", b"oh no"),
    "locked": (401, "text/plain", b"who are you?"),
    "cut": (200, "application/json", b'{"jsonrpc": "2.0", "secret of somebody'),
    "other": (200, "application/json", b'{"a": "secret of somebody"}'),
    "moved": (302, "text/plain", b""),
}


def answer(request):
    """The answer that the path names."""
    request.rfile.read(int(request.headers["content-length"]))
    code, media_type, body = ANSWERS[request.path.strip("/")]
    request.send_response(code)
    request.send_header("content-type", media_type)
    request.send_header("location", "http://127.0.0.1:9/elsewhere")
    request.send_header("content-length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def program(how):
    return McpServer(command=sys.executable, args=(wrong_mcp_server.__file__, how))


@pytest.fixture(scope="module")
def wrong():
    with http.serving(answer) as url:
        servers = {how.replace(" ", "_"): program(how) for how in PROGRAMS}
        servers |= {how: McpServer(url=f"{url}/{how}") for how in ANSWERS}
        with serving(servers) as running:
            yield running


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("old_version", "speaks a version of the protocol that is not known"),
        ("no_shape", "answers wrongly"),
        ("no_list", "answers wrongly"),
        ("html", "Unexpected content type: text/html"),
        ("broken", "error response"),
        ("locked", "refuses the headers that it got"),
        ("cut", "no message of the protocol"),
        ("other", "no message of the protocol"),
        ("moved", "redirects to another address"),
    ],
)
def test_a_server_that_answers_wrongly_has_no_tools_and_the_model_reads_why(wrong, server, words):
    offer = wrong.offer(f"mcp:{server}/*")
    assert offer.tools == {}
    assert words in offer.notices[0]
    assert "secret of somebody" not in offer.notices[0]
    assert "127.0.0.1" not in offer.notices[0]


def test_lines_for_people_between_the_messages_are_skipped(wrong):
    assert wrong.call("prints__add") == "done"


def test_a_result_of_a_wrong_form_is_the_error_of_that_call_alone(wrong):
    first = wrong.call("no_result__add")
    assert "not with a result of a tool" in first["error"]
    assert wrong.call("no_result__add") == first  # the session goes on: else it would be away for a second


def test_of_ten_thousand_tools_the_first_ones_are_offered(wrong):
    wrong.tool("many__tool_0")
    assert len(wrong.offer("mcp:many/*").tools) == MAX_TOOLS


def test_a_list_that_never_ends_is_not_read_for_ever(wrong):
    offer = wrong.offer("mcp:endless/*")
    assert (offer.tools, offer.notices) == ({}, [])


def test_a_tool_whose_schema_no_provider_takes_is_left_out_in_words(wrong):
    offer = wrong.offer("mcp:odd_schemas/*")
    assert list(offer.tools) == ["odd_schemas__good"]
    assert "'odd' of the MCP server 'odd_schemas' is left out: it has 'anyOf' at the top level" in offer.left_out[0]


def test_the_stop_of_a_worker_does_not_wait_for_a_server_that_never_answers():
    def stop():
        with serving({"silent": program("no json")}, patience=0.1) as running:
            assert "does not answer" in running.offer("mcp:silent/*").notices[0]
            began = time.monotonic()
        return time.monotonic() - began

    kept(2.5, stop)
