"""Tools of an MCP server, over stdio and over HTTP."""

from __future__ import annotations

import threading

import pytest

from tests.support.images import PNG
from tests.support.patience import patient, until
from workers.cancellation import INTERRUPTED, CancelToken, Stopped
from workers.secrets import Secrets
from workers.tools import ToolContext, ToolError


def test_the_model_gets_each_tool_with_the_servers_description_and_schema(servers):
    schema = servers.tool("tests__add").schema["function"]
    assert schema["name"] == "tests__add"
    assert schema["description"] == "Add two numbers."
    assert schema["parameters"]["type"] == "object"
    assert set(schema["parameters"]["properties"]) == {"a", "b"}
    assert schema["parameters"]["required"] == ["a", "b"]


def test_an_app_gets_the_tools_it_names_and_no_others(servers):
    servers.tool("tests__add")
    assert set(servers.offer("mcp:tests/add", "mcp:tests/say").tools) == {"tests__add", "tests__say"}


def test_a_name_that_a_function_has_is_not_used_twice(servers):
    servers.tool("tests__add")
    (name,) = servers.offer("mcp:tests/add", taken=["tests__add"]).tools
    assert name.startswith("tests__add_")


def test_structured_content_is_the_result(servers):
    assert servers.call("tests__add", a=1, b=2) == {"result": 3}


def test_a_failed_tool_is_an_error_in_its_servers_words(servers):
    assert "fail" in servers.call("tests__fail", reason="no")["error"]


def test_arguments_that_do_not_fit_are_an_error_in_its_servers_words(servers):
    assert "valid integer" in servers.call("tests__add", a="x", b=1)["error"]


def test_images_become_files_and_other_content_becomes_text(servers):
    kept = []

    def keep(image):
        kept.append(image)
        return {"file_id": str(len(kept))}

    context = ToolContext(keep_image=keep)
    assert servers.call("tests__draw", context) == {"file_id": "1"}
    assert servers.call("tests__mixed", context) == {
        "text": "two dots:\n\n[image/png, which cannot be shown]\n\nnote://1:\na note\n\n[more](https://example.com/more)",
        "files": [{"file_id": "2"}],
    }
    assert [image.data for image in kept] == [PNG, PNG]


def test_handles_in_the_arguments_become_secrets(servers):
    secrets = Secrets({"TOKEN": "hush-hush-hush"})
    assert servers.call("tests__say", ToolContext(secrets=secrets), text="$SECRET:TOKEN") == {
        "result": "hush-hush-hush"
    }


def test_a_stop_ends_the_wait_and_cancels_the_call_at_the_server(servers):
    token, tool = CancelToken(), servers.tool("tests__wait")
    ended = threading.Event()

    def call():
        with pytest.raises(Stopped):
            tool.run({"seconds": 600}, ToolContext(token=token))
        ended.set()

    thread = threading.Thread(target=call)
    thread.start()
    until(lambda: "waits" in servers.journal.read_text(), what="the call at the server")
    token.cancel(INTERRUPTED)
    assert ended.wait(patient(5))
    thread.join()
    until(lambda: "cancelled" in servers.journal.read_text(), what="the cancel at the server")
    assert servers.call("tests__add", a=1, b=1) == {"result": 2}


def test_a_question_to_the_user_is_never_waited_for(servers):
    assert "error" in servers.call("tests__ask") or servers.call("tests__ask") == {"result": "decline"}


def test_a_tool_that_the_server_adds_is_offered(servers):
    servers.call("tests__grow")
    assert servers.tool("tests__grown")


def test_an_answer_that_is_too_large_is_an_error_and_the_next_call_works(servers):
    assert "error" in servers.call("tests__large", size=30_000_000)
    assert until(lambda: servers.call("tests__add", a=2, b=2) == {"result": 4}, 60, what="the next call")


def test_a_server_that_dies_in_a_call_is_an_error(servers, request):
    if "http" in request.node.name:
        pytest.skip("nobody starts it again: test_servers has that case")
    with pytest.raises(ToolError, match="'tests' of this tool is not available: its process has ended"):
        servers.tool("tests__die").run({}, ToolContext())
    assert servers.call("tests__add", a=2, b=3) == {"result": 5}
