"""Logs: one line an event, on stderr, as JSON or text. Session ids are bearer secrets: 4 characters are shown."""

from __future__ import annotations

import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from app import exact_json
from app.telemetry import log_context, redaction, tracing
from app.terminal_text import as_block, escaped_json

if TYPE_CHECKING:
    from app.config import Settings

log = logging.getLogger(__name__)


def setup(settings: Settings) -> None:
    """Configure the log of this process by the settings; libraries log from WARNING on, tools as we do."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(settings.log_format, settings.log_content))
    handler.addFilter(redaction.is_wanted)
    level = min(logging.WARNING, logging.getLevelNamesMapping()[settings.log_level])
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(True)
    logging.logThreads = logging.logMultiprocessing = False  # no line has them
    logging.raiseExceptions = False  # an unwritable record would be printed with all its contents
    for name in ("rq.worker", "rq.queue", "rq.job"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("app", "workers"):
        logging.getLogger(name).setLevel(settings.log_level)
    sys.excepthook = _uncaught
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = thread_uncaught


def formatter(form: str, content: bool = False) -> logging.Formatter:
    """Lines as `text`, else as JSON; with the messages of exceptions and libraries if `content` may be logged."""
    return _Text(content) if form == "text" else _Json(content)


def short_session_id(session_id: str) -> str:
    """A session id as logs may show it: an id may have only 8 characters."""
    return session_id[:4]


def thread_uncaught(args: threading.ExceptHookArgs) -> None:
    """Log the exception that ended a thread; Python's own hook would write the exception's whole message."""
    if args.exc_value is not None:
        name = args.thread.name if args.thread else "?"
        log.critical("unhandled exception in thread %r", name, exc_info=args.exc_value)


def greenlet_uncaught(_context: object, _kind: type, error: BaseException | None, _trace: object) -> None:
    """The same for a greenlet, as gevent calls it."""
    if error is not None:
        log.critical("unhandled exception in a greenlet", exc_info=error)


def _uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
        return
    log.critical("unhandled exception in the main thread", exc_info=error)


class _Json(logging.Formatter):
    """One JSON object a line: time, level, logger, message, then the log context and other fields."""

    def __init__(self, content: bool) -> None:
        super().__init__()
        self._content = content

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record; `fields` in its `extra` are added."""
        created = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = {
            "time": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": redaction.message(record, self._content),
            **vars(log_context.current()),
            "trace": tracing.trace_id(),
            **getattr(record, "fields", {}),
            "exception": _exception(record, self._content),
        }
        return escaped_json(exact_json.dumps({name: value for name, value in fields.items() if value != ""}))


class _Text(_Json):
    """Lines for people: time of day, level, logger, message. No text that is logged looks like another record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record, and its traceback below, indented."""
        message = redaction.message(record, self._content)
        context = log_context.current()
        names = vars(context) if context.tool else {"request": context.request}
        shown = ", ".join(f"{name} {value}" for name, value in names.items() if value and name != "run")
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname:7} {record.name}: {message}"
        trace = _exception(record, self._content)
        return as_block(line + (f" [{shown}]" if shown else "") + (f"\n{trace}" if trace else ""))


def _exception(record: logging.LogRecord, content: bool) -> str:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return redaction.trace(error, content) if error else ""
