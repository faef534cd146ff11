"""The log context of a thread or greenlet: the request, session, turn and tool that its log lines and traces name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class LogContext:
    """Ids as logs may show them, '' where there is none: the request's, the first characters of the session's, the
    run's; and the name of the tool whose code runs."""

    request: str = ""
    session: str = ""
    run: str = ""
    tool: str = ""


def _unchanged(text: str) -> str:
    return text


_current: ContextVar[LogContext] = ContextVar("log_context", default=LogContext())  # noqa: B039 - it is frozen

_conceal: ContextVar[Callable[[str], str]] = ContextVar("conceal", default=_unchanged)


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


@contextmanager
def tool_context(name: str, conceal: Callable[[str], str]) -> Iterator[None]:
    """Name the tool whose code runs inside the `with` block. `conceal` takes its client's secrets out of a text."""
    token = _conceal.set(conceal)
    try:
        with log_context(replace(current(), tool=name)):
            yield
    finally:
        _conceal.reset(token)


def concealed(text: str) -> str:
    """The text without the secrets of the client for which the current tool runs."""
    return _conceal.get()(text)
