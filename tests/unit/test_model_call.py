"""One call through litellm, with a real HTTP server as its provider."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.servers import answer_json, serving
from workers.models import litellm_setup
from workers.models.call import CallFailed, StreamedCall
from workers.models.reply_builder import ReplyBuilder

FORMAT = {"type": "json_schema", "json_schema": {"name": "greeting", "schema": {"type": "object", "properties": {}}}}

SENT = {"stream": True, "max_retries": 0, "timeout": 30, "_skip_mcp_handler": True}


def whole(request):
    """A reply that is no stream: Groq's, asked for a format by a tool that it must call."""
    function = {"name": "json_tool_call", "arguments": '{"hello":"there"}'}
    message = {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function"}]}
    message["tool_calls"][0]["function"] = function
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    reply = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "service_tier": "on_demand"}
    reply |= {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
    request.rfile.read(int(request.headers["Content-Length"]))
    answer_json(request, 200, reply)


@pytest.mark.parametrize("through_wrapper", [False, True])
def test_a_reply_that_litellm_gets_whole_is_read(through_wrapper):
    litellm_setup.configure()
    pieces = []
    with serving(whole) as url:
        params = {"model": "groq/llama-3.3-70b-versatile", "api_base": f"{url}/v1", "api_key": "none"}
        params |= {"messages": [{"role": "user", "content": 'say "stream": true'}], "response_format": FORMAT}
        params |= SENT
        call = StreamedCall(params, ReplyBuilder(pieces.append), 30, lambda _: None, through_wrapper)
        reply = asyncio.run(call.run())
    assert (reply.text, reply.stop) == ("".join(pieces), "stop")
    assert reply.text == '{"hello":"there"}'
    assert not reply.calls


def cut(request):
    """A refusal whose body never comes to its end."""
    request.rfile.read(int(request.headers["Content-Length"]))
    request.send_response(401)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"error":')
    request.close_connection = True


def test_a_refusal_counts_by_its_status_though_its_body_is_cut():
    litellm_setup.configure()
    with serving(cut) as url:
        params = {"model": "openai/m", "api_base": f"{url}/v1", "api_key": "none"} | SENT
        params |= {"messages": [{"role": "user", "content": "hi"}]}
        with pytest.raises(CallFailed) as raised:
            asyncio.run(StreamedCall(params, ReplyBuilder(lambda _: None), 30, lambda _: None).run())
    assert raised.value.failure.kind == "HTTP 401"
