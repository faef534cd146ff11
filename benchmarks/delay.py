"""A TCP proxy that holds all bytes back for a while, each way: Redis as if it were in another zone.

`python -m benchmarks.delay --port PORT --to PORT --ms MILLISECONDS`, on the loopback.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import cast


class Side(asyncio.Protocol):
    """One end of a connection: what it reads goes to `other` after `delay` seconds, and so does its end."""

    def __init__(self, delay: float, other: Side | None = None) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[asyncio.Transport] = self._loop.create_future()
        self.other = other

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Others may write."""
        self._ready.set_result(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        """Pass it on, later."""
        self._loop.call_later(self._delay, self._pass, data)

    def connection_lost(self, error: Exception | None) -> None:
        """Close the other end behind the last byte."""
        self._loop.call_later(self._delay, self._pass, None)

    def _pass(self, data: bytes | None) -> None:
        if self.other is not None:
            self.other._ready.add_done_callback(lambda ready: _write(ready.result(), data))


class Front(Side):
    """The end towards the client; opens the one towards the server, on `port`."""

    def __init__(self, delay: float, port: int) -> None:
        super().__init__(delay)
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the server."""
        super().connection_made(transport)
        self.other = Side(self._delay, self)
        other = self.other
        self._opening = self._loop.create_task(self._loop.create_connection(lambda: other, "127.0.0.1", self._port))


def _write(transport: asyncio.Transport, data: bytes | None) -> None:
    if data is None:
        transport.close()
    elif not transport.is_closing():
        transport.write(data)


async def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--ms", type=float, required=True)
    given = parser.parse_args()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Front(given.ms / 1000, given.to), "127.0.0.1", given.port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
