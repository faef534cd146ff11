"""MCP servers of an older revision over stdio, without the SDK: `python wrong_mcp_server.py HOW`. Most of them answer
wrongly."""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any

VERSION = "2025-06-18"
EMPTY = {"type": "object", "properties": {}}
_pages = itertools.count()
_heard: list[str] = []


def tools(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "inputSchema": EMPTY} for name in names]


def initialized(version: str = VERSION) -> dict[str, Any]:
    info = {"name": "wrong", "version": "1"}
    return {"protocolVersion": version, "capabilities": {"tools": {"listChanged": True}}, "serverInfo": info}


def listed(how: str) -> dict[str, Any]:
    if how == "endless":
        return {"tools": [], "nextCursor": str(next(_pages))}
    if how == "many":
        return {"tools": tools(*(f"tool_{number}" for number in range(10_000)))}
    if how == "no list":
        return {"tools": "none"}
    if how == "odd schemas":
        return {"tools": [*tools("good"), {"name": "odd", "inputSchema": {"type": "object", "anyOf": [EMPTY]}}]}
    if how == "right":
        read = {"name": "read", "inputSchema": EMPTY, "annotations": {"readOnlyHint": True}}
        return {"tools": [read, *tools("pay", "wait", "ask", *(["grown"] if "pay" in _heard else []))]}
    return {"tools": tools("add")}


def called(how: str) -> dict[str, Any]:
    text = " ".join(_heard) if how == "right" else "done"
    return {"content": 7} if how == "no result" else {"content": [{"type": "text", "text": text}]}


def answer(how: str, method: str) -> dict[str, Any]:
    if method == "initialize":
        versions = {"old version": "1871-01-01"}
        return {"result": {"x": 1} if how == "no shape" else initialized(versions.get(how, VERSION))}
    if method == "tools/list":
        return {"result": listed(how)}
    if method == "tools/call":
        return {"result": called(how)}
    return {"error": {"code": -32601, "message": "Method not found"}}


def say(**message: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def main(how: str) -> None:
    asking = 0
    for line in sys.stdin:
        message = json.loads(line)
        if "method" not in message:  # the answer to our question
            text = json.dumps(message.get("result", message.get("error")))
            say(id=asking, result={"content": [{"type": "text", "text": text}]})
            continue
        _heard.append(message["params"]["name"] if message["method"] == "tools/call" else message["method"])
        if how == "no json":
            print("<html>" * 10)
            print("\x1b[31mstarted\x1b[0m", flush=True)
        elif _heard[-1] == "ask":
            asking = message["id"]
            form = {"type": "object", "properties": {"city": {"type": "string"}}}
            say(id="q-1", method="elicitation/create", params={"message": "Which city?", "requestedSchema": form})
        elif "id" in message and _heard[-1] != "wait":
            if how == "prints":
                print("a line for people")
            say(id=message["id"], **answer(how, message["method"]))
            say(id=999_999, result={})
            if _heard[-1] == "pay":
                say(method="notifications/tools/list_changed")


if __name__ == "__main__":
    main(sys.argv[1])
