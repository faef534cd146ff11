"""A POST that is sent again and again, each time with another body, over the connections of litellm's aiohttp session.
The request of aiohttp and the headers of httpx are made once for all of them. Measured in docs/scaling.md."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

import httpx
from aiohttp import (
    ClientRequest,
    ClientResponseError,
    ClientTimeout,
    ConnectionTimeoutError,
    ServerDisconnectedError,
    StreamReader,
)
from aiohttp.connector import BaseConnector, Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from litellm.llms.custom_httpx.aiohttp_transport import (
    AiohttpResponseStream,
    LiteLLMAiohttpTransport,
    map_aiohttp_exceptions,
)
from yarl import URL

_OF_ONE_BODY = frozenset(["content-length", "transfer-encoding"])


class PreparedPost(Protocol):
    """The address and the headers of a POST."""

    async def send(self, body: bytes) -> httpx.Response:
        """The response, whose body is still to be read. Raises httpx's errors."""
        ...


class OrdinaryPost:
    """One that a transport makes each time, because a proxy is on the way, or it is not aiohttp's."""

    def __init__(self, transport: httpx.AsyncBaseTransport, request: httpx.Request) -> None:
        self._transport = transport
        self._url, self._extensions = request.url, request.extensions
        self._headers = request.headers.copy()
        self._headers.pop("content-length", None)

    async def send(self, body: bytes) -> httpx.Response:
        """As `PreparedPost.send`."""
        extensions = dict(self._extensions)
        request = httpx.Request("POST", self._url, headers=self._headers, content=body, extensions=extensions)
        return await self._transport.handle_async_request(request)


class DirectPost:
    """One that is ready to be sent over a connection of aiohttp."""

    def __init__(self, transport: LiteLLMAiohttpTransport, request: ClientRequest, timeout: ClientTimeout) -> None:
        self._transport = transport
        self._request = request
        self._timeout = timeout
        lasting = [(name, value) for name, value in request.headers.items() if name.lower() not in _OF_ONE_BODY]
        lines = [f"POST {request.url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in lasting), ""]
        self._head = "\r\n".join(lines).encode()

    async def send(self, body: bytes) -> httpx.Response:
        """As `PreparedPost.send`."""
        with map_aiohttp_exceptions(), contextlib.ExitStack() as unless_answered:
            connection = await self._connect()
            unless_answered.callback(connection.close)
            message, content = await self._exchange(connection, body)
            unless_answered.pop_all()
        stream = AiohttpResponseStream(_Body(connection, content, is_kept=message.code == 200))
        return httpx.Response(message.code, headers=list(message.raw_headers), stream=stream)

    async def _connect(self) -> Connection:
        """A connection. One that was lost, or on which something came, while nobody asked is replaced once."""
        connector: BaseConnector = self._transport.get_valid_client_session().connector
        try:
            connection = await connector.connect(self._request, [], self._timeout)
            if connection.protocol is None or connection.protocol.should_close:
                connection.close()
                connection = await connector.connect(self._request, [], self._timeout)
        except TimeoutError as error:
            raise ConnectionTimeoutError(f"no connection to {self._request.url.host} in time") from error
        return connection

    async def _exchange(self, connection: Connection, body: bytes) -> tuple[RawResponseMessage, StreamReader]:
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None or protocol.should_close:  # what came would be taken for the response
            raise ServerDisconnectedError()
        protocol.set_response_params(read_until_eof=True, auto_decompress=False, read_timeout=self._timeout.sock_read)
        transport.write(b"%scontent-length: %d\r\n\r\n%s" % (self._head, len(body), body))
        protocol.start_timeout()
        try:
            while True:
                message, content = await protocol.read()
                if not 100 <= message.code <= 199 or message.code == 101:  # others come before the response
                    return message, content
        except HttpProcessingError as error:
            raise ClientResponseError(self._request.request_info, (), message=error.message) from error


class _Body:
    """The body of a response, as litellm reads one of aiohttp; one task reads and closes it. At its end the connection
    `is_kept` for the next one, if the request has left as a whole: not where a server may have refused the rest of it.
    (Through TLS it always seems to have left.)"""

    def __init__(self, connection: Connection, content: StreamReader, is_kept: bool) -> None:
        self.content = content
        self._connection = connection
        self._is_kept = is_kept
        content.on_eof(self._ended)

    def close(self) -> None:
        """Close the connection, if it was not kept."""
        self._connection.close()

    async def __aexit__(self, *_: object) -> None:
        self._connection.release()

    def _ended(self) -> None:
        transport = self._connection.transport
        if self._is_kept and transport and not transport.get_write_buffer_size():
            self._connection.release()
        else:
            self._connection.close()


async def prepare(transport: httpx.AsyncBaseTransport, request: httpx.Request) -> PreparedPost:
    """Prepare POSTs like this request, which the transport has sent."""
    if not isinstance(transport, LiteLLMAiohttpTransport) or await transport._get_proxy_settings(request):
        return OrdinaryPost(transport, request)
    session = transport.get_valid_client_session()
    if session.trust_env:  # aiohttp looks for a proxy and a password itself
        return OrdinaryPost(transport, request)
    like_it = ClientRequest(
        "POST",
        URL(str(request.url), encoded=True),
        headers=request.headers.multi_items(),
        loop=asyncio.get_running_loop(),
        session=session,
        ssl=True if transport._ssl_verify is None else transport._ssl_verify,
        server_hostname=request.extensions.get("sni_hostname"),
    )
    seconds = request.extensions.get("timeout", {})
    timeout = ClientTimeout(
        connect=seconds.get("pool"), sock_connect=seconds.get("connect"), sock_read=seconds.get("read")
    )
    return DirectPost(transport, like_it, timeout)
