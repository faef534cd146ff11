"""Logs: one line an event, on stderr, as JSON or as text. Session ids are bearer secrets and show 8 characters."""

from __future__ import annotations

import logging
import sys
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from app import exact_json
from app.telemetry import log_context, redaction, tracing

if TYPE_CHECKING:
    from app.config import Settings

log = logging.getLogger(__name__)


def setup(settings: Settings) -> None:
    """Write the log of this process as the settings say; libraries only from WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(settings.log_format, settings.log_content))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a record that cannot be written would be shown with all that is in it
    for name in ("rq.worker", "rq.queue", "rq.job"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("app", "workers"):
        logging.getLogger(name).setLevel(settings.log_level)
    sys.excepthook = _broke
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = thread_broke


def formatter(form: str, content: bool = False) -> logging.Formatter:
    """Lines as `text`, else as JSON; with the words of exceptions and libraries where `content` may be logged."""
    return _Text(content) if form == "text" else _Json(content)


def short_session_id(session_id: str) -> str:
    """A session id as logs may show it."""
    return session_id[:8]


def thread_broke(broken: threading.ExceptHookArgs) -> None:
    """Log what ended a thread; Python's own hook would write all that its exception says."""
    if broken.exc_value is not None:
        name = broken.thread.name if broken.thread else "?"
        log.critical("thread %r broke", name, exc_info=broken.exc_value)


def greenlet_broke(_context: object, _kind: type, error: BaseException | None, _trace: object) -> None:
    """The same for a greenlet, as gevent calls it."""
    if error is not None:
        log.critical("a greenlet broke", exc_info=error)


def _broke(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
        return
    log.critical("this process broke", exc_info=error)


class _Json(logging.Formatter):
    """One JSON object a line: time, level, logger, message, then what is known of request, session, run and more."""

    def __init__(self, content: bool) -> None:
        super().__init__()
        self._content = content

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record; `fields` in its `extra` stand beside the rest."""
        moment = datetime.fromtimestamp(record.created, UTC)
        told: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": redaction.message(record, self._content),
            **asdict(log_context.current()),
            "trace": tracing.trace_id(),
            **getattr(record, "fields", {}),
            "exception": _exception(record, self._content),
        }
        return exact_json.dumps({name: value for name, value in told.items() if value != ""})


class _Text(_Json):
    """For people: the time of day, the level, who says it, and what."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record, and its traceback below."""
        words = redaction.message(record, self._content)
        request = log_context.current().request
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname:7} {record.name}: {words}"
        trace = _exception(record, self._content)
        return line + (f" [request {request}]" if request else "") + (f"\n{trace}" if trace else "")


def _exception(record: logging.LogRecord, content: bool) -> str:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return redaction.trace(error, content) if error else ""
