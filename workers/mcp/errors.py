"""Why a server's tools cannot be used."""

from __future__ import annotations

import asyncio

import httpx2
from mcp import MCPError
from mcp_types import CONNECTION_CLOSED


class ServerAway(Exception):
    """The server cannot be reached, or answers wrongly. The message is fit for the model: it holds no address."""


def described(error: BaseException) -> str:
    """The cause of a failure in words, without addresses, commands and keys."""
    error = _first(error)
    if isinstance(error, ServerAway):
        return str(error)
    if isinstance(error, TimeoutError | asyncio.TimeoutError | httpx2.TimeoutException):
        return "it does not answer"
    if isinstance(error, FileNotFoundError | PermissionError):
        return "its program cannot be started"
    if isinstance(error, MCPError):
        return "its connection was lost" if error.code == CONNECTION_CLOSED else f"it says: {error.message[:500]}"
    if isinstance(error, httpx2.HTTPError):
        return "it cannot be reached"
    return f"it answers wrongly ({type(error).__name__})"


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
