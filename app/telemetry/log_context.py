"""What this thread or greenlet works on at the moment: a request, a session, a turn. Log lines and traces name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class LogContext:
    """Ids as logs may show them, '' where there is none: the request's, 8 characters of the session's, the run's."""

    request: str = ""
    session: str = ""
    run: str = ""


_current: ContextVar[LogContext] = ContextVar("work", default=LogContext())  # noqa: B039 - it is frozen


def current() -> LogContext:
    """What is being worked on here."""
    return _current.get()


def begin(work: LogContext) -> None:
    """Work on this from now on. A connection's greenlet does so with each of its requests."""
    _current.set(work)


@contextmanager
def log_context(work: LogContext) -> Iterator[None]:
    """Work on this while inside."""
    token = _current.set(work)
    try:
        yield
    finally:
        _current.reset(token)
