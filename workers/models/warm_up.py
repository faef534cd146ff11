"""The first call of a route costs seconds, in which every stream of the worker stalls: it is made before the
first job."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from app.catalog import Model
from workers.loop_thread import LoopThread
from workers.models import counting, routes
from workers.models.call import CallFailed, StreamedCall
from workers.models.reply_builder import ReplyBuilder

log = logging.getLogger(__name__)

NOBODY = "http://127.0.0.1:9"
"""Nothing listens on the port `discard`."""

SECONDS = 20.0

_CALL = {"id": "call_1", "type": "function", "function": {"name": "Warm", "arguments": "{}"}}
_PROMPT: list[dict[str, Any]] = [
    {"role": "user", "content": "count to 1"},
    {"role": "assistant", "content": None, "tool_calls": [_CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "1"},
]
_TOOLS = [{"type": "function", "function": {"name": "Warm", "parameters": {"type": "object", "properties": {}}}}]
_CREDENTIALS = {
    "api_key": "none",
    "api_version": "2024-10-21",
    "aws_access_key_id": "none",
    "aws_secret_access_key": "none",
    "aws_region_name": "us-east-1",
}
"""The variables that routes need to get as far as their request, without those of the machine."""


def warm_up(loop: LoopThread, models: Iterable[Model]) -> None:
    """Make a call that nobody answers through each route of `models`, and count tokens."""
    by_route = {routes.route_of(model): model for model in models}
    for route, model in by_route.items():
        params = {"model": "demo/assistant"} if route[0] == "demo" else _refused(model)
        common = {"messages": _PROMPT, "tools": _TOOLS, "stream": True, "max_retries": 0, "_skip_mcp_handler": True}
        call = StreamedCall(params | common, ReplyBuilder(_ignore), SECONDS, _ignore)
        try:
            loop.submit(call.run()).result(timeout=SECONDS)
        except (CallFailed, TimeoutError):
            log.debug("warmed up the route %s", route)
    counting.of_messages("gpt-4o", _PROMPT)


def _refused(model: Model) -> dict[str, Any]:
    names = {
        name: model.litellm_params[name] for name in ("model", "custom_llm_provider") if name in model.litellm_params
    }
    return names | _CREDENTIALS | {"api_base": NOBODY, "timeout": 1}


def _ignore(*_: object) -> None:
    """Nobody reads what a warm-up says."""
