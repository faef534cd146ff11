"""The transport of a server that is a process of ours: JSON lines over its standard input and output.

The SDK's own transport collects a line of any length, and gives the process our stderr. This one has bounds for both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from app.telemetry import redaction
from workers.mcp.errors import TOO_LARGE
from workers.mcp.watchdog import END_SECONDS, Watchdog, signalled

log = logging.getLogger(__name__)

LINE_CHARACTERS = 500
LINES_PER_MINUTE = 60
"""Of what a server writes to its standard error and is logged."""

MIN_SECRET = 6
"""Characters of a value of `env` that is masked in the log: `1` or `true` is no secret."""


@dataclass(frozen=True)
class Program:
    """A server's command. `env` is added to the SDK's default: PATH, HOME, and the like."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]


@contextlib.asynccontextmanager
async def transport(
    program: Program, max_bytes: int, watchdog: Watchdog, on_end: Callable[[str], object]
) -> AsyncIterator[tuple[Any, Any]]:
    """The streams of a session with a new process, which ends with the `async with` block, or by the watchdog with the
    worker. A line of more than `max_bytes`, or the end of the process, ends the session: `on_end` is called with the
    reason. Raises `OSError`: the program cannot be started."""
    process = await asyncio.create_subprocess_exec(
        *program.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=get_default_environment() | dict(program.env),
        limit=max_bytes,
        start_new_session=True,  # Ctrl-C is for us, and its own children can be ended with it
    )
    watchdog.watch(process.pid)
    into_session, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, from_session = anyio.create_memory_object_stream[SessionMessage](0)
    log_lines = _LogLines(program)
    tasks = [
        asyncio.create_task(_read(process.stdout, into_session, log_lines, on_end)),
        asyncio.create_task(_write(process.stdin, from_session)),
        asyncio.create_task(_log_errors(process.stderr, log_lines)),
    ]
    try:
        yield incoming, outgoing
    finally:
        for task in tasks[:2]:
            task.cancel()
        await asyncio.shield(asyncio.create_task(_end(process, tasks, watchdog)))


class _LogLines:
    """Logs the lines of a program beside the protocol: the first ones of each minute, without its own secrets."""

    def __init__(self, program: Program) -> None:
        self.name = program.name
        self._secrets = [value for value in program.env.values() if len(value) >= MIN_SECRET]
        self._minute, self._lines = 0, 0

    def add(self, line: str) -> None:
        if self._minute != (now := int(time.monotonic() // 60)):
            self._minute, self._lines = now, 0
        self._lines += 1
        if self._lines <= LINES_PER_MINUTE:
            log.info("MCP server %r: %s", self.name, self._without_secrets(line.rstrip())[:LINE_CHARACTERS])
        elif self._lines == LINES_PER_MINUTE + 1:
            log.warning(
                "MCP server %r writes more than %d lines a minute; the others are dropped", self.name, LINES_PER_MINUTE
            )

    def _without_secrets(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, redaction.MASK)
        return line


async def _read(stream: Any, session: Any, log_lines: _LogLines, on_end: Callable[[str], object]) -> None:
    """Pass each line on, until the end of the output or a line that is too long."""
    reason = "its process has ended"
    try:
        async with session:
            while line := await stream.readline():
                try:
                    await session.send(SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False)))
                except ValueError as error:  # a server that prints
                    log_lines.add("(a line that is no message of the protocol)")  # it may be a result, with content
                    await session.send(error)
    except ValueError:
        reason = TOO_LARGE
        log.error("the MCP server %r sent a message that is too large: its connection is closed", log_lines.name)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        pass
    finally:
        on_end(reason)


async def _write(stream: Any, session: Any) -> None:
    with contextlib.suppress(OSError, anyio.ClosedResourceError):
        async with session:
            async for message in session:
                stream.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await stream.drain()


async def _log_errors(stream: Any, log_lines: _LogLines) -> None:
    while piece := await stream.read(64 * 1024):
        for line in filter(str.strip, piece.decode("utf-8", "replace").split("\n")):
            log_lines.add(line)


async def _drain(stream: Any) -> None:
    while await stream.read(64 * 1024):
        pass


async def _end(process: asyncio.subprocess.Process, tasks: list[asyncio.Task[None]], watchdog: Watchdog) -> None:
    """Close its input, as the protocol says; then SIGTERM and SIGKILL for it and its children."""
    await asyncio.gather(*tasks[:2], return_exceptions=True)
    assert process.stdin
    process.stdin.close()
    tasks.append(asyncio.create_task(_drain(process.stdout)))  # asyncio waits for the end of its output, too
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            signalled(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_SECONDS)
            break
    signalled(process.pid, signal.SIGKILL)  # its children, if it has left some
    watchdog.forget(process.pid)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
