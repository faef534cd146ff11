"""Redaction of log lines. No text of a message, key or secret is logged unless AOMI_LOG_CONTENT is set.

Our own lines are safe. Two kinds are not ours: an exception's message may quote its input, and libraries log what they
like, such as asyncio a task's whole exception. So a traceback shows files, lines and classes, and a library's message
is replaced by where it was logged. Keys of a known form are always masked.
"""

from __future__ import annotations

import logging
import re
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from app.errors import ConfigError

_OURS = ("app", "workers", "gunicorn", "rq", "opentelemetry")
"""Loggers whose messages never quote what people write."""

_TALKING = ("app", "workers", "gunicorn")
"""Those whose lines below WARNING are logged."""

_operators: set[str] = set()
"""Installed packages with tools of the operator."""

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})

_OF_THE_CODE = (AttributeError, ConfigError, ImportError, ModuleNotFoundError, NameError)
"""Exceptions whose messages name code, or the operator's own settings."""

_START = r"(?:\b|(?<=\\[nrtbf]))"  # also behind an escape of JSON, whose letter would be part of the word
_KEYS = re.compile(
    rf"{_START}(?:(?:sk|pk|gsk|xai|aomi|hf)[-_]|AIza)[\w-]{{8,}}"  # of the providers and our own
    rf"|{_START}whsec_[\w+/=]{{8,}}"  # of webhooks
    r"|(?<=Bearer )\S+"
    r"|(?<=://)[^/\s@]+(?=@)"  # who logs in to an address
    r"|(?<![\w/+-])[\w-]{43}=(?![\w=])"  # Fernet's
)
_JOB = re.compile(r"\b(run_[0-9a-f]{32})-(?:x(?:[0-9a-f]{2})+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
"""The id of a turn's job: the turn, and a session, whose id is not logged. (`turn_job_id` makes it.)"""

_conceal: ContextVar[Callable[[str], str] | None] = ContextVar("conceal", default=None)
_conceal_in_others: dict[object, Callable[[str], str]] = {}
"""Of every running call of a tool: a thread that a tool starts (a pool) does not know which call it belongs to."""

MASK = "[key]"
REDACTED = "(shown with AOMI_LOG_CONTENT=1)"


@contextmanager
def concealing(conceal: Callable[[str], str]) -> Iterator[None]:
    """Pass what is logged inside the `with` block through `conceal`: a tool may log its arguments. While the block
    runs, it also counts in threads that are in no such block, but not for our own lines there."""
    token, call = _conceal.set(conceal), object()
    _conceal_in_others[call] = conceal
    try:
        yield
    finally:
        del _conceal_in_others[call]
        _conceal.reset(token)


def message(record: logging.LogRecord, content: bool) -> str:
    """The message of a log record; a library's only with `content`."""
    if content or _is_ours(record):
        return masked(record.getMessage(), quotes=_package(record) not in _OURS)
    return f"a message of {record.name}, {record.module}.py line {record.lineno} {REDACTED}"


def trace(error: BaseException, content: bool) -> str:
    """The traceback of an exception and of its causes; their messages only with `content`."""
    return masked("\n".join(_traceback(cause, content) for cause in reversed(list(_causes(error)))))


def masked(text: str, *, quotes: bool = True) -> str:
    """The text with keys masked, and concealed as in `concealing`; encodable as UTF-8. `quotes`: it may quote what a
    tool was given."""
    return _JOB.sub(r"\1", without_keys(concealed(text) if quotes or _conceal.get() else text))


def without_keys(text: str) -> str:
    """The text with keys of a known form masked; encodable as UTF-8."""
    return _KEYS.sub(MASK, text.encode("utf-8", "replace").decode())


def concealed(text: str) -> str:
    """The text as the running call of this thread conceals it, or else each call that runs."""
    own = _conceal.get()
    for conceal in [own] if own else list(_conceal_in_others.values()):
        text = conceal(text)
    return text


def include(package: str) -> None:
    """Treat the log lines of an installed package as the operator's own: it has tools."""
    _operators.add(package)


def is_wanted(record: logging.LogRecord) -> bool:
    """Whether the record is logged: those of libraries from WARNING on."""
    return record.levelno >= logging.WARNING or _package(record) in _TALKING or _is_operators(record)


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether the record is ours or from the operator's own code, such as a tool."""
    return _package(record) in _OURS or _is_operators(record)


def _is_operators(record: logging.LogRecord) -> bool:
    return _package(record) in _operators or not record.pathname.startswith(_LIBRARIES)


def _package(record: logging.LogRecord) -> str:
    return record.name.partition(".")[0]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _traceback(error: BaseException, content: bool) -> str:
    kind = type(error)
    message = str(error) if content or kind in _OF_THE_CODE else REDACTED
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"Traceback (most recent call last):\n{frames}{kind.__module__}.{kind.__qualname__}: {message}"
