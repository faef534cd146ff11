"""Scripted providers on every wire, behind one real HTTP server: each refuses what its real one refuses, else serves
the answer that the user's text names."""

from __future__ import annotations

import gzip
import json
import select
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.models import cases_file, forms, rules, served
from tests.models.cases_file import FORMS, WIRES, Answer, Case
from tests.models.journal import Directive, Entry, Journal
from tests.support.servers import answer_json, serving

LONGEST_HANG = 900.0
"""Seconds. Longer than any stall timeout of a test, which a busy machine makes up to twenty times as long."""


class Providers:
    """All providers; `url` + `/` + its name is the address of one."""

    def __init__(self) -> None:
        self.journal = Journal()

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve on a free port; yields the base URL."""
        with serving(self._handle) as url:
            yield url

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        provider, _, path = request.path.lstrip("/").partition("/")
        body = json.loads(request.rfile.read(int(request.headers.get("Content-Length") or 0)) or b"{}")
        if path.endswith("api/show"):  # Ollama is asked what its model can do
            answer_json(request, 200, {"capabilities": ["completion", "tools"], "model_info": {}})
        elif provider not in WIRES or not forms.asks_for_a_stream(provider, f"/{path}", body):
            self.journal.strangers.append(request.path)
            answer_json(request, 404, forms.error_body("openai", 404, f"no such address: {request.path[:200]}"))
        else:
            self._chat(request, provider, body)

    def _chat(self, request: BaseHTTPRequestHandler, provider: str, body: dict[str, Any]) -> None:
        directive = Directive.read(forms.last_user_text(provider, body)) or Directive("openai/plain", "", 0)
        entry = Entry(provider, directive, body, dict(request.headers))
        asked = rules.Request(body, self.journal.served(_model(provider), directive.conversation))
        entry.faults = rules.faults(provider, asked)
        before = self.journal.add(entry)
        try:
            rules.check(provider, asked)
        except rules.Refused as refused:
            entry.refused, entry.status = refused.reason, refused.status
            answer_json(request, refused.status, forms.error_body(provider, refused.status, refused.reason))
            return
        self._answer(request, entry, _choose(entry, before))

    def _answer(self, request: BaseHTTPRequestHandler, entry: Entry, answer: Answer) -> None:
        entry.status, wire = answer.status, WIRES[entry.provider]
        if not answer.frames:
            _send_status(request, answer)
            return
        entry.tokens = served.tokens(wire, answer.frames)
        self.journal.serve(_model(entry.provider), entry.directive.conversation, served.reply(wire, answer.frames))
        try:
            _send_stream(request, entry, answer)
        except (BrokenPipeError, ConnectionResetError):
            request.close_connection = True
            entry.hung_up.set()


def _model(provider: str) -> str:
    """Who knows what it thought: Claude is the same model with thinking and without."""
    return "anthropic" if WIRES[provider] == "anthropic" else provider


def _choose(entry: Entry, before: int) -> Answer:
    """The answer of a request that so many requests of its turn came before."""
    blocking = _blocking(entry)
    if blocking:
        return blocking.answer
    wire, case = WIRES[entry.provider], cases_file.cases().get(entry.directive.answer)
    form = case.form if case else FORMS[entry.directive.answer.split("/")[0]]
    other = form != FORMS[wire]  # a fallback is asked, on another wire
    if forms.ends_in_results(entry.provider, entry.body):
        behind = case.after_results if case and not other else ()
        place = forms.rounds(entry.provider, entry.body) - 1
        return behind[place] if place < len(behind) else cases_file.named(f"{wire}/done")
    if other or (case and case.first_request_only and before):
        return cases_file.named(f"{wire}/plain")
    return cases_file.named(entry.directive.answer)


def _blocking(entry: Entry) -> Case | None:
    """The case whose word stands in the request: the provider's filter dislikes it wherever it stands."""
    text = json.dumps(entry.body)
    known = (case for case in cases_file.cases().values() if case.prompt_holds and case.wire == WIRES[entry.provider])
    return next((case for case in known if case.prompt_holds in text), None)


def _send_status(request: BaseHTTPRequestHandler, answer: Answer) -> None:
    data = json.dumps(answer.body).encode()
    data = gzip.compress(data) if answer.gzip else data
    _send_head(request, answer, {"Content-Type": "application/json", "Content-Length": str(len(data))})
    request.wfile.write(data)


def _send_head(request: BaseHTTPRequestHandler, answer: Answer, headers: dict[str, str]) -> None:
    request.send_response(answer.status)
    encoding = {"Content-Encoding": "gzip"} if answer.gzip else {}
    for name, value in {**headers, **encoding, **answer.headers}.items():
        request.send_header(name, value)
    request.end_headers()


def _send_stream(request: BaseHTTPRequestHandler, entry: Entry, answer: Answer) -> None:
    kind = forms.CONTENT_TYPES.get(WIRES[entry.provider], "text/event-stream")
    _send_head(request, answer, {"Content-Type": kind, "Transfer-Encoding": "chunked"})
    encode = _compressing() if answer.gzip else bytes
    for frame in answer.frames:
        if isinstance(frame, str):
            _send_chunk(request, entry, encode(frame.encode()))
        elif "hex" in frame:
            _send_chunk(request, entry, encode(bytes.fromhex(frame["hex"])))
        elif "wait" in frame:
            _wait(request, frame["wait"])
        else:
            entry.silent.set()
            _wait(request, LONGEST_HANG)
    request.wfile.write(b"0\r\n\r\n")


def _compressing() -> Callable[[bytes], bytes]:
    """Compresses the pieces of a stream, each to its end."""
    gzipped = zlib.compressobj(wbits=31)
    return lambda data: gzipped.compress(data) + gzipped.flush(zlib.Z_SYNC_FLUSH)


def _send_chunk(request: BaseHTTPRequestHandler, entry: Entry, data: bytes) -> None:
    request.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
    request.wfile.flush()
    entry.last_word = time.monotonic()


def _wait(request: BaseHTTPRequestHandler, seconds: float) -> None:
    """Be silent, but notice at once when the client hangs up."""
    readable, _, _ = select.select([request.connection], [], [], seconds)
    if readable and not request.connection.recv(1):
        raise ConnectionResetError
