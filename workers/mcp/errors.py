"""Why a server's tools cannot be used."""

from __future__ import annotations

import asyncio
import re

import httpx2
from mcp import MCPError
from mcp_types import CONNECTION_CLOSED

MAX_CHARACTERS = 300

TOO_LARGE = "its answer is too large"

CONNECTION_LOST = "its connection was lost"

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+")


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
        words = error.message.partition("\n")[0]
        return of_the_sdk(error) or f"it says: {_ADDRESS.sub('...', words)[:MAX_CHARACTERS]}"
    if isinstance(error, httpx2.HTTPError):
        return "it cannot be reached"
    if isinstance(error, RuntimeError) and "protocol version" in str(error):  # so the SDK says it
        return "it speaks a version of the protocol that is not known here"
    return f"it answers wrongly ({type(error).__name__})"


def of_the_sdk(error: MCPError) -> str:
    """The cause in our words if the error is the SDK's own, about the connection or a wrong answer. '' if the message
    is the server's. The SDK's messages hold the answer or an address."""
    if error.code == CONNECTION_CLOSED:
        return CONNECTION_LOST
    if error.message.startswith("Failed to parse"):
        is_large = TOO_LARGE in error.message or "byte limit" in error.message  # of a stream, the SDK's words
        return TOO_LARGE if is_large else "its answer is no message of the protocol"
    if error.message.startswith("Redirect to"):
        return "it redirects to another address, which is not followed"
    return ""


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
