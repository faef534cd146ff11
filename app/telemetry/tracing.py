"""Traces, from a request through the queue to models and tools. `app.telemetry.otel` implements them if AOMI_OTEL is
set; otherwise it is not loaded, and a span costs the read of a variable.

Spans name models, tools and ids. Texts are in them with AOMI_OTEL_CONTENT alone, through `add_content`. A trace crosses
the queue as its W3C `traceparent`, in `carrier`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from app.config import Settings
    from app.telemetry.otel import Otel

Carrier = Mapping[str, str]
"""The `traceparent` of a trace, if there is one, possibly among other fields."""

Value = str | int | float
Kind = Literal["INTERNAL", "SERVER", "CLIENT", "CONSUMER"]


class Span(Protocol):
    """A running span."""

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Set attributes."""

    def fail(self, kind: str) -> None:
        """Mark it as failed with a class of error, never its message."""


class Request(Span, Protocol):
    """The span of a request. It is current until `leave` and lasts until `end`, which a stream calls at its end."""

    def leave(self) -> None:
        """The view has returned."""

    def end(self) -> None:
        """The whole response is sent."""


class _NoSpan:
    def set(self, attributes: Mapping[str, Value]) -> None:
        pass

    def fail(self, kind: str) -> None:
        pass


_NO_SPAN = _NoSpan()
_otel: Otel | None = None
_has_content = False


def setup(settings: Settings, service: str) -> None:
    """Turn tracing on if the settings say so: as `service`, unless OTEL_SERVICE_NAME names another."""
    global _otel, _has_content
    if settings.otel:
        from app.telemetry.otel import Otel

        _otel, _has_content = Otel(service, settings.otel_content), settings.otel_content


def stop() -> None:
    """Send the remaining spans, for at most a few seconds."""
    if _otel:
        _otel.stop()


def span(
    name: str,
    attributes: Mapping[str, Value],
    kind: Kind = "INTERNAL",
    *,
    parent: Carrier | None = None,
    link: Carrier | None = None,
) -> AbstractContextManager[Span]:
    """A span for the `with` block. Its parent is `parent`, else the current span; `link` is a trace that led to it. An
    exception that leaves the block marks the span as failed."""
    return _otel.span(name, attributes, kind, parent, link) if _otel else nullcontext(_NO_SPAN)


def add_content(make: Callable[[], Mapping[str, Value]]) -> None:
    """Add attributes with texts to the current span. Without AOMI_OTEL_CONTENT they are not even made."""
    if _otel and _has_content:
        _otel.add(make())


def past(name: str, attributes: Mapping[str, Value], parent: Carrier, between: tuple[str, str]) -> None:
    """A span that has already ended; `between` are its start and end in ISO-8601."""
    if _otel:
        _otel.past(name, attributes, parent, between)


def request(name: str, attributes: Mapping[str, Value], parent: Carrier) -> Request | None:
    """The span of a request that begins now, None without tracing."""
    return _otel.request(name, attributes, parent) if _otel else None


def carrier() -> dict[str, str]:
    """The `traceparent` of the current span; empty without tracing."""
    return _otel.carrier() if _otel else {}


def trace_id() -> str:
    """The id of the current trace, '' if there is none."""
    return _otel.trace_id() if _otel else ""
