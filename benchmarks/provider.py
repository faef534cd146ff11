"""A fake OpenAI-compatible provider that is never the limit: chunks rendered before, one timer for all streams.

The model's name says what comes: `paced-50x100` is 100 tokens at 50 tokens/s, `burst-2000` 2000 tokens at once. Any
prefix up to the last `/` or `.` is passed over, so that one pace may stand under several names.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import heapq
import itertools
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from benchmarks.tokens import TOKENS

MODEL = re.compile(rb'"model":\s*"(?:[^"]*[/.])?(paced-(\d+)x(\d+)|burst-(\d+))"')
LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True)
class Answer:
    """An answer ready to be sent: `count` times one of `tokens` between `head` and `tail`, `pause` seconds apart."""

    head: bytes
    tokens: tuple[bytes, ...]
    tail: bytes
    count: int
    pause: float


@lru_cache(maxsize=64)
def answer_of(model: str, rate: int, count: int) -> Answer:
    """The answer of a model; rate 0 sends all at once."""
    usage = {"prompt_tokens": 10, "completion_tokens": count, "total_tokens": count + 10}
    head = HEAD + _chunk(model, [_choice({"role": "assistant", "content": ""})])
    tail = _chunk(model, [_choice({}, "stop")]) + _chunk(model, [], usage=usage) + _framed(b"[DONE]") + b"0\r\n\r\n"
    tokens = tuple(_chunk(model, [_choice({"content": token})]) for token in TOKENS)
    return Answer(head, tokens, tail, count, 1 / rate if rate else 0.0)


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _chunk(model: str, choices: list[dict[str, Any]], **more: Any) -> bytes:
    head: dict[str, Any] = {"id": "chatcmpl-Bench0123456789abcdefghijklmnop", "object": "chat.completion.chunk"}
    head |= {"created": 1_760_000_000, "model": model, "service_tier": "default", "system_fingerprint": "fp_0123456789"}
    return _framed(json.dumps(head | {"choices": choices} | more, separators=(",", ":")).encode())


def _framed(data: bytes) -> bytes:
    data = b"data: " + data + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


class Pacer:
    """Wakes every stream when its next token is due, by one timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: list[tuple[float, int, Connection]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, due: float, stream: Connection) -> None:
        """Call `stream.step()` at `due`, on the loop's clock."""
        heapq.heappush(self._due, (due, next(self._order), stream))
        if self._timer is None or due < self._timer.when():
            self._arm()

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due[0][0], self._tick) if self._due else None

    def _tick(self) -> None:
        self._timer, now = None, self._loop.time()
        while self._due and self._due[0][0] <= now:
            _, order, stream = heapq.heappop(self._due)
            if due := stream.step():
                heapq.heappush(self._due, (due, order, stream))
        if self._timer is None:
            self._arm()


class Connection(asyncio.Protocol):
    """One client; it may ask again when an answer is over."""

    def __init__(self, pacer: Pacer, loop: asyncio.AbstractEventLoop) -> None:
        self._pacer = pacer
        self._loop = loop
        self._received = b""
        self._open = asyncio.Event()  # cleared while the client takes no more
        self._open.set()
        self._answer: Answer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember whom to answer."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing more to send."""
        self._answer = None
        self._open.set()

    def pause_writing(self) -> None:
        """The client is slower than a burst."""
        self._open.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._open.set()

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        length = LENGTH.search(self._received, 0, end) if end >= 0 else None
        if end < 0 or (length and len(self._received) < end + 4 + int(length[1])):
            return
        found, self._received = MODEL.search(self._received, end), b""
        if found is None:
            self._transport.write(REFUSED)
            return
        self._begin(answer_of(found[1].decode(), int(found[2] or 0), int(found[3] or found[4])))

    def _begin(self, answer: Answer) -> None:
        self._answer, self._sent, self._began = answer, 0, self._loop.time()
        self._transport.write(answer.head)
        if answer.pause:
            if due := self.step():
                self._pacer.add(due, self)
        else:
            self._task = self._loop.create_task(self._burst(answer))

    def step(self) -> float:
        """Send the next token, or the end. Returns when the next one is due, 0 if there is none."""
        answer = self._answer
        if answer is None:
            return 0.0
        if self._sent == answer.count:
            self._transport.write(answer.tail)
            self._answer = None
            return 0.0
        self._transport.write(answer.tokens[self._sent % len(answer.tokens)])
        self._sent += 1
        return self._began + self._sent * answer.pause

    async def _burst(self, answer: Answer) -> None:
        for token in itertools.islice(itertools.cycle(answer.tokens), answer.count):
            if not self._open.is_set():
                await self._open.wait()
            if self._answer is None:
                return
            self._transport.write(token)
        self._transport.write(answer.tail)
        self._answer = None


async def serve(port: int) -> None:
    """Serve for ever on the loopback."""
    loop = asyncio.get_running_loop()
    pacer = Pacer(loop)
    server = await loop.create_server(lambda: Connection(pacer, loop), "127.0.0.1", port, backlog=1024)
    gc.disable()  # nothing here makes cycles worth a pause
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args().port))
