"""Traces, from a request through the queue to models and tools. `app.telemetry.otel` does the work where AOMI_OTEL is
set; else it is not loaded, and a span costs a look at a variable.

Spans name models, tools and ids, never what was said. A trace crosses the queue as its W3C `traceparent`, in `carrier`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from app.config import Settings
    from app.telemetry.otel import Otel

Carrier = Mapping[str, str]
"""Where a trace comes from: its `traceparent`, if there is one, perhaps among other fields."""

Value = str | int | float
Kind = Literal["INTERNAL", "SERVER", "CLIENT", "CONSUMER"]


class Span(Protocol):
    """A part of a trace while it is under way."""

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Note what has come out."""

    def fail(self, kind: str) -> None:
        """It failed: a class of error, never its words."""


class Request(Span, Protocol):
    """The span of a request. What happens before `leave` belongs to it; it lasts until `end`, which a stream calls."""

    def leave(self) -> None:
        """The view has returned."""

    def end(self) -> None:
        """The answer is sent, to its last byte."""


class _NoSpan:
    def set(self, attributes: Mapping[str, Value]) -> None:
        pass

    def fail(self, kind: str) -> None:
        pass


_NO_SPAN = _NoSpan()
_otel: Otel | None = None


def setup(settings: Settings, service: str) -> None:
    """Trace from now on, if the settings want it: as `service`, unless OTEL_SERVICE_NAME has another name."""
    global _otel
    if settings.otel:
        from app.telemetry.otel import Otel

        _otel = Otel(service)


def stop() -> None:
    """Send what is left. For at most some seconds: nobody waits for a collector that is away."""
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
    """A span around what is inside. It belongs to the one around it, else to `parent`; `link` is a trace that led to
    it. An exception that leaves it makes it a failure."""
    return _otel.span(name, attributes, kind, parent, link) if _otel else nullcontext(_NO_SPAN)


def past(name: str, attributes: Mapping[str, Value], parent: Carrier, between: tuple[str, str]) -> None:
    """A span that is over, `between` two times in ISO-8601."""
    if _otel:
        _otel.past(name, attributes, parent, between)


def request(name: str, attributes: Mapping[str, Value], parent: Carrier) -> Request | None:
    """The span of a request that begins here, None where nothing is traced."""
    return _otel.request(name, attributes, parent) if _otel else None


def carrier() -> dict[str, str]:
    """The `traceparent` of what is under way here; empty where nothing is traced."""
    return _otel.carrier() if _otel else {}


def trace_id() -> str:
    """The id of the trace that this belongs to, '' if to none."""
    return _otel.trace_id() if _otel else ""
