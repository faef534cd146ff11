"""A receiver of webhooks, which checks every signature by the package that Standard Webhooks publishes."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from standardwebhooks import Webhook

from tests.support.patience import patient, until

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMu"


@dataclass
class Received:
    """One request with a right signature."""

    message_id: str
    path: str
    body: bytes

    @property
    def type(self) -> str:
        return self.event["type"]

    @property
    def data(self) -> dict[str, Any]:
        return self.event["data"]

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answers 200; `refusals` has statuses that go out first. `hang` holds the answers for `/hang` back while it is
    cleared."""

    received: list[Received] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    hang: threading.Event = field(default_factory=threading.Event)
    hung: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        Webhook(SECRET).verify(body, {name.lower(): value for name, value in request.headers.items()})
        with self._lock:
            status = self.refusals.pop(0) if self.refusals else 200
            self.received.append(Received(request.headers["webhook-id"], request.path, body))
            self.hung += request.path == "/hang"
        if request.path == "/hang":
            self.hang.wait(patient(60))
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def of(self, session_id: str) -> list[Received]:
        """What came for a session, each message once."""
        with self._lock:
            mine = [one for one in self.received if one.data["session_id"] == session_id]
        return list({one.message_id: one for one in mine}.values())

    def attempts(self, session_id: str) -> Counter[str]:
        """How often each message came for a session."""
        with self._lock:
            return Counter(one.message_id for one in self.received if one.data["session_id"] == session_id)

    def wait_for(self, session_id: str, count: int = 1) -> list[Received]:
        """What came for a session, once it is so much."""
        return until(lambda: len(found := self.of(session_id)) >= count and found, what=f"{count} webhook messages")
