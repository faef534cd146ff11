"""What a log line may say. Nothing of a message, a key or a secret gets past this file unless AOMI_LOG_CONTENT is set.

Our own lines are written with care. Two kinds are not ours: what an exception says may quote what it choked on, and
libraries say what they like, asyncio for one the whole exception of a task. So a traceback shows files, lines and
classes, and of a library's message only where it was written. Keys that can be told by their form are masked always.
"""

from __future__ import annotations

import logging
import re
import sysconfig
import traceback
from collections.abc import Iterator

from app.errors import ConfigError

_OURS = ("app", "workers", "gunicorn", "rq", "opentelemetry")
"""Loggers that say nothing of what people write."""

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})

_OF_THE_CODE = (AttributeError, ConfigError, ImportError, ModuleNotFoundError, NameError)
"""Exceptions that speak of names in the code, or of the operator's own settings."""

_KEYS = re.compile(
    r"\b(?:(?:sk|pk|gsk|xai|aomi|hf)[-_]|AIza)[\w-]{8,}"  # of the providers and our own
    r"|(?<=Bearer )\S+"
    r"|(?<=://)[^/\s@]+(?=@)"  # who logs in to an address
    r"|(?<![\w/+-])[\w-]{43}=(?![\w=])"  # Fernet's
)
MASK = "[key]"
UNSAID = "(what it says is shown where AOMI_LOG_CONTENT=1)"


def message(record: logging.LogRecord, content: bool) -> str:
    """The words of a log record. With `content` also those of libraries."""
    if content or _is_ours(record):
        return masked(record.getMessage())
    return f"a message of {record.name}, {record.module}.py line {record.lineno} {UNSAID}"


def trace(error: BaseException, content: bool) -> str:
    """The traceback of an exception and of those that led to it; with `content` what they say, too."""
    return masked("\n".join(_told(cause, content) for cause in reversed(list(_causes(error)))))


def masked(text: str) -> str:
    """The text without keys, and fit to be written as UTF-8."""
    return _KEYS.sub(MASK, text.encode("utf-8", "replace").decode())


def _is_ours(record: logging.LogRecord) -> bool:
    """Ours, or the operator's: a tool of their own says what they want it to."""
    return record.name.partition(".")[0] in _OURS or not record.pathname.startswith(_LIBRARIES)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _told(error: BaseException, content: bool) -> str:
    kind = type(error)
    says = str(error) if content or kind in _OF_THE_CODE else UNSAID
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"Traceback (most recent call last):\n{frames}{kind.__module__}.{kind.__qualname__}: {says}"
