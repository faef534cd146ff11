"""OpenTelemetry: spans by its SDK, sent by OTLP over HTTP to where the OTEL_* variables say, in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.telemetry.tracing import Carrier, Kind, Value
from app.version import __version__

_W3C = TraceContextTextMapPropagator()

FLUSH_MILLISECONDS = 3000
"""Milliseconds for the last spans of a process."""


class _Span:
    def __init__(self, span: trace.Span) -> None:
        self.span = span
        self.failed = False

    def set(self, attributes: Mapping[str, Value]) -> None:
        self.span.set_attributes(attributes)

    def fail(self, kind: str) -> None:
        self.failed = True
        self.span.set_attribute("error.type", kind)
        self.span.set_status(StatusCode.ERROR)


class _Request(_Span):
    def __init__(self, span: trace.Span) -> None:
        super().__init__(span)
        self._token = context.attach(trace.set_span_in_context(span))

    def leave(self) -> None:
        context.detach(self._token)

    def end(self) -> None:
        self.span.end()


class Otel:
    """What `app.telemetry.tracing` asks for, in a process that traces as `service`."""

    def __init__(self, service: str) -> None:
        resource = Resource.create({"service.name": service, "service.version": __version__})
        named = resource.merge(OTELResourceDetector().detect())  # what the operator says goes before
        self._provider = TracerProvider(resource=named, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("aomi", __version__)

    def stop(self) -> None:
        """Send what is left."""
        self._provider.force_flush(FLUSH_MILLISECONDS)

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, Value], kind: Kind, parent: Carrier | None, link: Carrier | None
    ) -> Iterator[_Span]:
        """A span around what is inside."""
        started = self._tracer.start_as_current_span(
            name,
            context=_W3C.extract(parent) if parent else None,
            kind=SpanKind[kind],
            attributes=attributes,
            links=_links(link),
            record_exception=False,  # its words may quote a message
            set_status_on_exception=False,
        )
        with started as opened:
            span = _Span(opened)
            try:
                yield span
            except Exception as error:
                if not span.failed:
                    span.fail(type(error).__name__)
                raise

    def past(self, name: str, attributes: Mapping[str, Value], parent: Carrier, between: tuple[str, str]) -> None:
        """A span that is over."""
        start, end = (int(datetime.fromisoformat(moment).timestamp() * 1e9) for moment in between)
        around = _W3C.extract(parent)
        span = self._tracer.start_span(name, context=around, attributes=attributes, start_time=start)
        span.end(max(start, end))

    def request(self, name: str, attributes: Mapping[str, Value], parent: Carrier) -> _Request:
        """The span of a request, from here on."""
        around = _W3C.extract(parent)
        return _Request(self._tracer.start_span(name, context=around, kind=SpanKind.SERVER, attributes=attributes))

    def carrier(self) -> dict[str, str]:
        """The `traceparent` of the span around this."""
        found: dict[str, str] = {}
        _W3C.inject(found)
        return {name: value for name, value in found.items() if name == "traceparent"}

    def trace_id(self) -> str:
        """The id of the trace around this."""
        around = trace.get_current_span().get_span_context()
        return trace.format_trace_id(around.trace_id) if around.is_valid else ""


def _links(carrier: Carrier | None) -> list[Link]:
    if not carrier:
        return []
    linked = trace.get_current_span(_W3C.extract(carrier)).get_span_context()
    return [Link(linked)] if linked.is_valid else []
