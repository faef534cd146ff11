"""A small threaded HTTP server on a free port of the loopback, and its two uses: model provider and price API."""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.patience import patient


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(handle: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve every request by `handle`, by HTTPS if `tls`; yields the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            handle(self)

        do_POST = do_GET

    server = _Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def answer_json(request: BaseHTTPRequestHandler, status: int, body: Any) -> None:
    data = json.dumps(body).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    request.wfile.write(data)


@dataclass
class PriceApi:
    """Answers like the public price API. `prices` may be changed; `gate` holds answers back while it is cleared."""

    prices: dict[str, str] = field(default_factory=lambda: {"ETH": "3500.00", "BTC": "97000.50"})
    asked: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    most_at_once: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.gate.set()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        symbol = request.path.split("/")[-2].removesuffix("-USD")
        with self._lock:
            self._now += 1
            self.asked.append(symbol)
            self.most_at_once = max(self.most_at_once, self._now)
        self.gate.wait(patient(60))
        with self._lock:
            self._now -= 1
        price = self.prices.get(symbol)
        if price is None:
            answer_json(request, 404, {"errors": [{"id": "not_found"}]})
        elif price.isdigit() and len(price) == 3:
            answer_json(request, int(price), {"secret": "of the upstream"})
        else:
            answer_json(request, 200, {"data": {"amount": price, "base": symbol, "currency": "USD"}})


# What a scripted provider may do in one answer


@dataclass
class Text:
    """Pieces of text, `pause` seconds between them."""

    pieces: list[str]
    pause: float = 0.0


@dataclass
class Thoughts:
    """Pieces of what the model thinks, as `reasoning_content`."""

    pieces: list[str]
    pause: float = 0.0


@dataclass
class Calls:
    """Tool calls, (name, arguments) each; arguments may be text, to be wrong on purpose."""

    calls: list[tuple[str, Any]]
    ids: str = ""
    """The id that every call gets; '' gives each one its own."""


@dataclass
class Silence:
    """Nothing until the client hangs up, or until `seconds` have passed if they are given."""

    seconds: float | None = None


@dataclass
class Held:
    """Nothing until the event is set: the test decides when the answer goes on, however fast the machine is."""

    event: threading.Event


class StepwiseText:
    """Pieces of text that leave when the test says so. `answer` goes into a script; `send` lets the next pieces go."""

    def __init__(self, pieces: list[str]) -> None:
        self._gates = [threading.Event() for _ in pieces]
        self._sent = 0
        self.answer: list[Step] = []
        for piece, gate in zip(pieces, self._gates, strict=True):
            self.answer += [Held(gate), Text([piece])]

    def send(self, count: int = 1) -> None:
        """Let so many more pieces go."""
        for gate in self._gates[self._sent : self._sent + count]:
            gate.set()
        self._sent += count

    def finish(self) -> None:
        """Let all that are left go."""
        self.send(len(self._gates))


@dataclass
class Until:
    """A dot five times a second until the event is set."""

    event: threading.Event


@dataclass
class Fail:
    """An HTTP error, as the whole answer."""

    status: int
    body: Any = field(default_factory=lambda: {"error": {"message": "the secret body of the upstream"}})


@dataclass
class Cut:
    """The connection breaks here."""


@dataclass
class End:
    """The answer ends here, as if it were whole, but without saying so."""


@dataclass
class Uses:
    """What the answer says that it used, in its last chunk; with `prompt` None it does not say."""

    prompt: int | None
    completion: int = 0
    cached: int = 0


Step = Text | Thoughts | Calls | Silence | Held | Until | Fail | Cut | End | Uses


@dataclass
class Seen:
    """One request as the provider got it."""

    body: dict[str, Any]
    key: str | None
    hung_up: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.body["messages"]

    @cached_property
    def asked(self) -> str:
        """The user's last message."""
        content = [message["content"] for message in self.messages if message["role"] == "user"][-1]
        return content if isinstance(content, str) else content[0]["text"]

    def asks(self, text: str) -> bool:
        """Whether `text` is the user's last message: alone, or joined to those before it that got no reply."""
        return self.asked == text or self.asked.endswith(f"\n\n{text}")


class Provider:
    """An OpenAI-compatible provider that does what it is told.

    `script(text, answer, answer, ...)`: when the last user message is `text`, the first model call of it gets the
    first answer (a list of steps), the next call the second; the last answer is given again from then on.
    """

    def __init__(self) -> None:
        self._scripts: dict[str, list[list[Step]]] = {}
        self._scripted_at: dict[str, int] = {}
        self._lock = threading.Lock()
        self.seen: list[Seen] = []

    def script(self, text: str, *answers: list[Step]) -> str:
        with self._lock:
            self._scripts[text] = list(answers)
            self._scripted_at[text] = len(self.seen)
        return text

    def requests(self, text: str) -> list[Seen]:
        """The requests whose last user message was `text`, since it was scripted: another test may have the same."""
        with self._lock:
            return [seen for seen in self.seen[self._scripted_at.get(text, 0) :] if seen.asks(text)]

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        seen = Seen(body, request.headers.get("Authorization"))
        with self._lock:
            self.seen.append(seen)
            answers = next((found for text, found in self._scripts.items() if seen.asks(text)), [[Text(["ok"])]])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer[0], Fail):
            answer_json(request, answer[0].status, answer[0].body)
            return
        try:
            _Stream(request, body["model"], seen).play(answer)
        except (BrokenPipeError, ConnectionResetError):
            seen.hung_up.set()
            request.close_connection = True
        finally:
            seen.finished.set()


class _Stream:
    def __init__(self, request: BaseHTTPRequestHandler, model: str, seen: Seen) -> None:
        self._request = request
        self._model = model
        self._seen = seen
        self._uses = Uses(7, 5)

    def play(self, answer: list[Step]) -> None:
        self._request.send_response(200)
        self._request.send_header("Content-Type", "text/event-stream")
        self._request.send_header("Transfer-Encoding", "chunked")
        self._request.end_headers()
        self._delta({"role": "assistant", "content": ""})
        finish = "stop"
        for step in answer:
            if isinstance(step, Cut):
                self._request.connection.shutdown(2)
                raise ConnectionResetError
            if isinstance(step, End):
                self._request.wfile.write(b"0\r\n\r\n")
                return
            if isinstance(step, Calls):
                finish = "tool_calls"
            self._do(step)
        self._delta({}, finish)
        self._usage()
        self._write(b"data: [DONE]\n\n")
        self._request.wfile.write(b"0\r\n\r\n")

    def _usage(self) -> None:
        sent, said = self._uses.prompt, self._uses.completion
        if sent is not None:
            usage = {"prompt_tokens": sent, "completion_tokens": said, "total_tokens": sent + said}
            details = {"prompt_tokens_details": {"cached_tokens": self._uses.cached}}
            self._chunk({"choices": [], "usage": usage | details})

    def _do(self, step: Step) -> None:
        if isinstance(step, Uses):
            self._uses = step
        if isinstance(step, Text | Thoughts):
            self._say(step)
        elif isinstance(step, Silence):
            self._wait(step.seconds)
        elif isinstance(step, Held):
            self._hold(step.event)
        elif isinstance(step, Until):
            while not step.event.is_set():
                self._do(Text(["."], pause=0.2))
        elif isinstance(step, Calls):
            for index, (name, args) in enumerate(step.calls):
                call_id = step.ids or f"call_{len(self._seen.messages)}_{index}"
                self._call(index, call_id, name, args if isinstance(args, str) else json.dumps(args))

    def _say(self, text: Text | Thoughts) -> None:
        for piece in text.pieces:
            self._delta({"content" if isinstance(text, Text) else "reasoning_content": piece})
            if text.pause:
                self._wait(text.pause)

    def _hold(self, event: threading.Event) -> None:
        while not event.is_set():
            self._wait(0.02)

    def _call(self, index: int, call_id: str, name: str, arguments: str) -> None:
        """In pieces, as providers send it."""
        first = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
        self._delta({"tool_calls": [first]})
        for part in (arguments[:3], arguments[3:]):
            if part:
                self._delta({"tool_calls": [{"index": index, "function": {"arguments": part}}]})

    def _wait(self, seconds: float | None) -> None:
        """Wait, but notice at once when the client hangs up."""
        connection = self._request.connection
        connection.settimeout(seconds)
        try:
            if connection.recv(1) == b"":
                raise ConnectionResetError
        except TimeoutError:
            pass
        finally:
            connection.settimeout(None)

    def _delta(self, delta: dict[str, Any], finish: str | None = None) -> None:
        self._chunk({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def _chunk(self, fields: dict[str, Any]) -> None:
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": self._model}
        self._write(b"data: " + json.dumps(head | fields).encode() + b"\n\n")

    def _write(self, data: bytes) -> None:
        self._request.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self._request.wfile.flush()
