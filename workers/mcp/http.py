"""Streamable HTTP: the transport of a server at an address."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

import httpx2
from mcp.client.streamable_http import streamable_http_client

from workers.mcp.errors import TOO_LARGE, ServerAway

CONNECT_SECONDS = 5.0

UNAUTHORIZED = 401


@contextlib.asynccontextmanager
async def transport(url: str, headers: Mapping[str, str], timeout: float, max_bytes: int) -> AsyncIterator[tuple]:
    """The streams of a session. `timeout`: seconds of silence. A response of more than `max_bytes` is an error."""
    limits = httpx2.Timeout(CONNECT_SECONDS, read=timeout)
    bounded = _BoundedTransport(max_bytes)
    async with (
        httpx2.AsyncClient(headers=dict(headers), timeout=limits, transport=bounded) as client,
        streamable_http_client(url, http_client=client, max_sse_event_size=max_bytes) as streams,
    ):
        yield streams


class _BoundedTransport(httpx2.AsyncHTTPTransport):
    """Ends a response that the SDK reads as a whole after `max_bytes`. It bounds the events of a stream itself."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if response.status_code == UNAUTHORIZED:
            await response.aclose()
            raise ServerAway("it refuses the headers that it got (401)")
        if response.is_redirect or "json" in response.headers.get("content-type", "").lower():
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = _BoundedStream(response.stream, self._max_bytes)
        return response


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, left: int) -> None:
        self._stream = stream
        self._left = left

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._left -= len(piece)
            if self._left < 0:
                raise httpx2.StreamError(TOO_LARGE)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
