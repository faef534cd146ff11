"""What is measured side by side: each system can be put under the same load, and tells what it spent."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.load import Request, Stream, open_all
from benchmarks.processes import Child
from benchmarks.usage import Groups, measured


@dataclass
class Load:
    """What came of a load: the streams as clients saw them, and CPU seconds by kind of process."""

    streams: list[Stream]
    cpu: dict[str, float] = field(default_factory=dict)


class System(Protocol):
    """Something that answers with a stream of tokens."""

    name: str
    pids: Groups

    async def load(self, model: str, count: int, over: float) -> Load:
        """So many streams of the model, their starts spread over `over` seconds."""
        ...


@dataclass
class Served:
    """A system asked over HTTP. `request(port, model)` makes one request; streams go round the `ports`."""

    name: str
    ports: list[int]
    request: Callable[[int, str], Request]
    pids: Groups

    async def load(self, model: str, count: int, over: float) -> Load:
        """As `System.load`."""
        requests = [self.request(self.ports[place % len(self.ports)], model) for place in range(count)]
        client = time.process_time()
        with measured(self.pids) as spent:
            streams = await open_all(requests, over)
        return Load(streams, spent.cpu | {"client": time.process_time() - client})


@dataclass
class Looped:
    """`references.litellm_loop`, which is given its jobs over a pipe."""

    name: str
    child: Child
    pids: Groups

    async def load(self, model: str, count: int, over: float) -> Load:
        """As `System.load`."""
        with measured(self.pids) as spent:
            answer = await self.child.ask(model=model, count=count, over=over)
        streams = [Stream(**(found | {"tail": found["tail"].encode()})) for found in answer]
        return Load(streams, spent.cpu)


def provider_request(port: int, model: str, authorization: str = "none") -> Request:
    """A streaming chat completion, asked of the provider itself."""
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    return post(port, "/v1/chat/completions", body, {"Authorization": authorization})


def chat_request(port: int, model: str) -> Request:
    """A message in a new session of the backend (the FastAPI relay takes the same)."""
    return post(port, "/api/chat", {"text": "hello", "model": model}, {"X-Session-Id": str(uuid.uuid4())})


def post(port: int, path: str, body: object, headers: Mapping[str, str]) -> Request:
    """A POST of JSON."""
    data = json.dumps(body).encode()
    lines = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json", "Content-Length": str(len(data))}
    return Request("127.0.0.1", port, head(f"POST {path}", lines | dict(headers)) + data)


def get(port: int, path: str, headers: Mapping[str, str]) -> Request:
    """A GET."""
    return Request("127.0.0.1", port, head(f"GET {path}", {"Host": f"127.0.0.1:{port}"} | dict(headers)))


def head(line: str, headers: Mapping[str, str]) -> bytes:
    """A request's head; `line` is its method and path."""
    return "\r\n".join([f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()
