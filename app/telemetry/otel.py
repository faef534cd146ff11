"""OpenTelemetry: its SDK sends spans by OTLP over HTTP to the endpoint in the OTEL_* variables, on its own thread."""

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
"""How long the end of a process waits for its last spans."""

SPANS_WITH_CONTENT = 32
"""Spans of one request to the collector where they have content: at most about 4 MB, which collectors take."""


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
    """The implementation of `app.telemetry.tracing`, in a process that traces as `service`."""

    def __init__(self, service: str, has_content: bool) -> None:
        resource = Resource.create({"service.name": service, "service.version": __version__})
        named = resource.merge(OTELResourceDetector().detect())  # the operator's names take precedence
        self._provider = TracerProvider(resource=named, shutdown_on_exit=False)
        size = SPANS_WITH_CONTENT if has_content else None
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_export_batch_size=size))
        self._tracer = self._provider.get_tracer("aomi", __version__)

    def stop(self) -> None:
        """Send the remaining spans."""
        self._provider.force_flush(FLUSH_MILLISECONDS)

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, Value], kind: Kind, parent: Carrier | None, link: Carrier | None
    ) -> Iterator[_Span]:
        """See `tracing.span`."""
        started = self._tracer.start_as_current_span(
            name,
            context=_W3C.extract(parent) if parent else None,
            kind=SpanKind[kind],
            attributes=attributes,
            links=_links(link),
            record_exception=False,  # its message may quote a user's
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
        """See `tracing.past`."""
        start, end = (int(datetime.fromisoformat(moment).timestamp() * 1e9) for moment in between)
        around = _W3C.extract(parent)
        span = self._tracer.start_span(name, context=around, attributes=attributes, start_time=start)
        span.end(max(start, end))

    def request(self, name: str, attributes: Mapping[str, Value], parent: Carrier) -> _Request:
        """See `tracing.request`."""
        around = _W3C.extract(parent)
        return _Request(self._tracer.start_span(name, context=around, kind=SpanKind.SERVER, attributes=attributes))

    def add(self, attributes: Mapping[str, Value]) -> None:
        """Add attributes to the current span."""
        trace.get_current_span().set_attributes(attributes)

    def carrier(self) -> dict[str, str]:
        """The `traceparent` of the current span."""
        headers: dict[str, str] = {}
        _W3C.inject(headers)
        return {name: value for name, value in headers.items() if name == "traceparent"}

    def trace_id(self) -> str:
        """The id of the current trace."""
        span_context = trace.get_current_span().get_span_context()
        return trace.format_trace_id(span_context.trace_id) if span_context.is_valid else ""


def _links(carrier: Carrier | None) -> list[Link]:
    if not carrier:
        return []
    linked = trace.get_current_span(_W3C.extract(carrier)).get_span_context()
    return [Link(linked)] if linked.is_valid else []
