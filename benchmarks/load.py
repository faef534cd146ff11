"""The load client: many streams on one loop, each a raw connection whose bytes are only counted and timed.

A read costs a clock, a count and a look at the last bytes, so that one client process is not what is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from benchmarks.tokens import MARK

LAST_CHUNK = b"\r\n0\r\n\r\n"
TAIL = 160
"""Bytes of a stream's end that are kept, to see how it ended."""


@dataclass(frozen=True)
class Request:
    """A request as it goes out."""

    host: str
    port: int
    data: bytes


@dataclass
class Stream:
    """What one client saw. Moments are `perf_counter` seconds; `gaps` lie between reads that brought tokens."""

    began: float = 0.0
    first: float = 0.0
    last: float = 0.0
    ended: float = 0.0
    status: int = 0
    tokens: int = 0
    size: int = 0
    gaps: list[float] = field(default_factory=list)
    tail: bytes = b""

    @property
    def end(self) -> str:
        """`complete`, `interrupted`, `error`, `refused` (not a 200), or `cut` where no end was told."""
        if self.status != 200:
            return "refused" if self.status else "cut"
        if not self.tail.endswith(LAST_CHUNK):
            return "cut"
        if b'"error"' in self.tail:
            return "error"
        return "interrupted" if b'"interrupted"' in self.tail else "complete"


class Reader(asyncio.Protocol):
    """Sends one request and reads its stream to the end."""

    def __init__(self, request: Request, ended: Callable[[], None]) -> None:
        self._request = request
        self._ended = ended
        self.stream = Stream(began=time.perf_counter())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request.data)

    def data_received(self, data: bytes) -> None:
        """Count, time, and look for the end."""
        now, stream = time.perf_counter(), self.stream
        if not stream.status:
            stream.status = int(data[9:12])
        stream.size += len(data)
        if count := data.count(MARK):
            if stream.tokens:
                stream.gaps.append(now - stream.last)
            else:
                stream.first = now
            stream.tokens += count
            stream.last = now
        stream.tail = data[-TAIL:] if len(data) >= TAIL else (stream.tail + data)[-TAIL:]
        if stream.tail.endswith(LAST_CHUNK) or stream.status != 200:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """It is over, in whatever way."""
        self.stream.ended = time.perf_counter()
        self._ended()


async def open_stream(request: Request, timeout: float = 60.0) -> Stream:
    """Ask and read to the end; a stream that is not over after `timeout` seconds is cut."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    reader = Reader(request, over.set)
    try:
        async with asyncio.timeout(timeout):
            await loop.create_connection(lambda: reader, request.host, request.port)
            await over.wait()
    except (OSError, TimeoutError):
        reader.stream.ended = time.perf_counter()
        if transport := getattr(reader, "_transport", None):
            transport.abort()
    return reader.stream


async def open_all(requests: Sequence[Request], over: float = 1.0, timeout: float = 60.0) -> list[Stream]:
    """All streams side by side, their starts spread evenly over `over` seconds."""
    began = time.perf_counter()

    async def one(place: int, request: Request) -> Stream:
        await asyncio.sleep(began + over * place / len(requests) - time.perf_counter())
        return await open_stream(request, timeout)

    return list(await asyncio.gather(*(one(place, request) for place, request in enumerate(requests))))
