"""The tap: what a provider really answers, seen below litellm: status, headers, an error's body, the stream itself.

litellm's transport is wrapped once (`install`), and each model call holds a `Tap` for its own task. Above it litellm
reads a stream that ends where the provider says that it ends, without the errors and oddities that it breaks on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

from app.events import sse
from workers.models.delta import Broken, Delta
from workers.models.source import Source
from workers.models.wires import gemini_names
from workers.models.wires.errors import described
from workers.read_pace import ReadPace

MOST_OF_AN_ERROR = 64 * 1024
"""Bytes of an error's body that are read."""

ERROR_SECONDS = 5.0
"""How long an error's body may take. Its status says most; a body that is cut says what it can."""

_STREAMS = frozenset(["", sse.MIMETYPE, "application/x-ndjson", "application/json", "text/plain"])

_STREAM = re.compile(rb'"stream"\s*:\s*true')

Make = partial[httpx.AsyncBaseTransport | None]
"""Makes a transport of litellm, with the arguments of one that is in use."""

_current: ContextVar[Tap | None] = ContextVar("tap", default=None)


@dataclass(frozen=True)
class Rejection:
    """An answer with an error's status."""

    status: int
    headers: httpx.Headers
    error: Broken


@dataclass
class Tap:
    """The observer of one model call. `report` gets the stream's own deltas of its end and its errors, `heard` is
    called for each read from the provider."""

    report: Callable[[Iterable[Delta]], None]
    heard: Callable[[], None]
    pace: ReadPace = field(default_factory=ReadPace)
    sent: int = 0
    """Requests that left."""
    request: httpx.Request | None = None
    """The last one that litellm made."""
    transport: TappedTransport | None = None
    """Which sent it."""
    lost: httpx.HTTPError | None = None
    """The error of the last request if it got no response."""
    rejection: Rejection | None = None
    is_page: bool = False
    """Whether the last answer was a page for browsers, such as that of a proxy, or sent the caller on to one."""
    source: Source | None = None
    _reset: Token[Tap | None] | None = field(default=None, repr=False)

    async def watch(self, sending: Awaitable[httpx.Response], is_stream: bool) -> httpx.Response:
        """The answer to a request, looked at before litellm does; `is_stream` if a stream was asked for."""
        self.sent += 1
        try:
            response = await sending
        except httpx.HTTPError as error:
            self.lost = error
            raise
        self.rejection = self.lost = None
        _decode(response)
        self.is_page = response.is_redirect or _kind(response.headers) == "text/html"
        if response.status_code >= 400:
            body = await _read_some(response)
            self.rejection = Rejection(response.status_code, response.headers, described(_content(body)))
            response.stream = httpx.ByteStream(body)
        elif is_stream and response.status_code == 200 and _kind(response.headers) in _STREAMS:
            self.source = response.stream = Source(response.stream, self.report, self.heard, self.pace)
        return response

    def __enter__(self) -> Tap:
        self._reset = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._reset:
            _current.reset(self._reset)


class TappedTransport(httpx.AsyncBaseTransport):
    """litellm's transport `inner`, with the calling task's tap on each answer. `make` makes another one like it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, make: Make) -> None:
        self._inner = inner
        self.make = make

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its answer comes as it is, not compressed."""
        tap = _current.get()
        if tap is None:
            return await self._inner.handle_async_request(request)
        request = _as_documented(request)
        request.headers["accept-encoding"] = "identity"
        tap.request, tap.transport, is_stream = request, self, _asks_for_a_stream(request)
        return await tap.watch(self._inner.handle_async_request(request), is_stream)

    async def aclose(self) -> None:
        """Close litellm's."""
        await self._inner.aclose()


def install() -> None:
    """Have every client that litellm makes from now on use a tapped transport."""
    make = AsyncHTTPHandler.create_async_transport

    def tapped(*args: Any, **kwargs: Any) -> httpx.AsyncBaseTransport | None:
        again = partial(make, *args, **kwargs)
        inner = again()
        return None if inner is None else TappedTransport(inner, again)

    if not getattr(make, "is_tapped", False):
        tapped.is_tapped = True  # type: ignore[attr-defined]
        AsyncHTTPHandler.create_async_transport = staticmethod(tapped)


def _as_documented(request: httpx.Request) -> httpx.Request:
    if not gemini_names.is_for(request.url.path):
        return request
    headers = [(name, value) for name, value in request.headers.multi_items() if name != "content-length"]
    body = gemini_names.request(request.content)
    return httpx.Request(request.method, request.url, headers=headers, content=body, extensions=request.extensions)


def _asks_for_a_stream(request: httpx.Request) -> bool:
    """Not where litellm streams itself what it gets whole, as for a format of the reply that Groq does by a tool."""
    return "stream" in request.url.path.lower() or bool(_STREAM.search(request.content))


def _kind(headers: httpx.Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class _Decoded(httpx.AsyncByteStream):
    """A compressed body, decompressed."""

    def __init__(self, response: httpx.Response) -> None:
        encoding = {"content-encoding": response.headers["content-encoding"]}
        self._response = httpx.Response(200, headers=encoding, stream=response.stream)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.aiter_bytes()

    async def aclose(self) -> None:
        """Close the body."""
        await self._response.aclose()


def _decode(response: httpx.Response) -> None:
    """Some servers compress though nobody asked them to. (httpx does not change an encoding that it does not know.)"""
    if "content-encoding" in response.headers and response.headers["content-encoding"] != "identity":
        response.stream = _Decoded(response)
        for name in ("content-encoding", "content-length"):
            response.headers.pop(name, None)


async def _read_some(response: httpx.Response) -> bytes:
    body = b""
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(ERROR_SECONDS):
            async for data in response.stream:  # type: ignore[union-attr]
                body += data
                if len(body) >= MOST_OF_AN_ERROR:
                    break
    await response.stream.aclose()  # type: ignore[union-attr]
    for name in ("content-length", "transfer-encoding"):
        response.headers.pop(name, None)
    return body[:MOST_OF_AN_ERROR]


def _content(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
