"""The log context of a thread or greenlet: the request, session, turn and tool that its log lines and traces name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class LogContext:
    """Ids as logs may show them, '' where there is none: the request's, 4 characters of the session's, the
    run's; and the name of the tool whose code runs."""

    request: str = ""
    session: str = ""
    run: str = ""
    tool: str = ""


_current: ContextVar[LogContext] = ContextVar("log_context", default=LogContext())  # noqa: B039 - it is frozen


def current() -> LogContext:
    """The context of this thread or greenlet."""
    return _current.get()


def begin(context: LogContext) -> None:
    """Set the context from now on. A connection's greenlet does so for each of its requests."""
    _current.set(context)


@contextmanager
def log_context(context: LogContext) -> Iterator[None]:
    """Set the context inside the `with` block."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
