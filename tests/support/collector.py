"""An OpenTelemetry collector of the tests' own: it takes spans by OTLP over HTTP and keeps them."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.servers import answer_json


@dataclass(frozen=True)
class Span:
    """One span as it came."""

    service: str
    name: str
    trace_id: str
    id: str
    parent_id: str
    kind: int
    attributes: dict[str, Any]
    failed: bool
    links: tuple[tuple[str, str], ...]
    start: int
    end: int


class Collector:
    """The spans that were sent so far."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._lock = threading.Lock()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        data = request.rfile.read(int(request.headers["Content-Length"]))
        if request.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        found = list(_read(ExportTraceServiceRequest.FromString(data)))
        with self._lock:
            self._spans += found
        answer_json(request, 200, {})

    def spans(self, name: str = "", **wanted: Any) -> list[Span]:
        """The spans of a name, or all, whose fields are as `wanted`; `session` is that of a request or a turn."""
        with self._lock:
            found = [span for span in self._spans if not name or span.name == name]
        session = wanted.pop("session", None)
        if session is not None:
            found = [span for span in found if span.attributes.get("aomi.session") == session]
        return [span for span in found if all(getattr(span, field) == value for field, value in wanted.items())]


def _read(sent: Any) -> Any:
    for resource in sent.resource_spans:
        service = _values(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service=service,
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    kind=span.kind,
                    attributes=_values(span.attributes),
                    failed=span.status.code == 2,
                    links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in attributes}
