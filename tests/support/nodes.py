"""A JSON-RPC node of a chain that answers as a test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.servers import answer_json, serving

CHAIN = 31337
SENDER = "0x" + "a1" * 20
TO = "0x" + "b2" * 20

Answer = Callable[[list[Any]], dict[str, Any]]
"""From a method's parameters, `{"result": ...}` or `{"error": ...}`."""


def result(value: Any) -> Answer:
    return lambda params: {"result": value}


def error(code: int, message: str = "", data: str | None = None) -> Answer:
    return lambda params: {"error": {"code": code, "message": message} | ({"data": data} if data else {})}


def succeeds(params: list[Any]) -> dict[str, Any]:
    """`eth_simulateV1` of calls that all succeed."""
    calls = params[0]["blockStateCalls"][0]["calls"]
    return {"result": [{"calls": [{"status": "0x1", "returnData": "0x", "gasUsed": "0x5208"} for _ in calls]}]}


@dataclass
class ScriptedNode:
    """`answers` by method; others do not exist. `raw` handles whole requests instead. `asked` has what came."""

    answers: dict[str, Answer] = field(
        default_factory=lambda: {"eth_chainId": result(hex(CHAIN)), "eth_simulateV1": succeeds}
    )
    raw: Callable[[BaseHTTPRequestHandler], None] | None = None
    asked: list[tuple[str, list[Any]]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        method, params = body["method"], body["params"]
        self.asked.append((method, params))
        self.headers = dict(request.headers)
        if self.raw:
            self.raw(request)
            return
        answer = self.answers.get(method, error(-32601, "the method does not exist"))
        answer_json(request, 200, {"jsonrpc": "2.0", "id": body["id"]} | answer(params))


@contextmanager
def running(node: ScriptedNode) -> Iterator[ScriptedNode]:
    with serving(node.handle) as node.url:
        yield node
