"""A client of the API: requests by httpx, streams read event by event.

`verify=False`: there is no TLS here, and httpx reads the world's certificates for each client, which takes 24 ms."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.patience import patient

Event = dict[str, Any]


class Client:
    """One session as a front end has it; `url` may be another web process at each call."""

    def __init__(self, url: str, key: str | None = None, session_id: str | None = None) -> None:
        self.url = url
        self.session_id = session_id or str(uuid.uuid4())
        self.headers = {"X-Session-Id": self.session_id} | ({"X-API-Key": key} if key else {})
        self.http = httpx.Client(timeout=patient(30), verify=False, trust_env=False)

    def request(self, method: str, path: str, *, url: str | None = None, **more: Any) -> httpx.Response:
        headers = self.headers | more.pop("headers", {})
        return self.http.request(method, f"{url or self.url}{path}", headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def state(self, **params: Any) -> dict[str, Any]:
        answer = self.get("/api/state", params={"session_id": self.session_id} | params)
        answer.raise_for_status()
        return answer.json()

    def interrupt(self, url: str | None = None) -> bool:
        answer = self.post("/api/interrupt", url=url, params={"session_id": self.session_id})
        answer.raise_for_status()
        return answer.json()["interrupted"]

    @contextmanager
    def streaming(self, method: str, path: str, *, url: str | None = None, **more: Any) -> Iterator[Stream]:
        headers = self.headers | more.pop("headers", {})
        more |= {"headers": headers, "timeout": patient(30), "verify": False, "trust_env": False}
        with httpx.stream(method, f"{url or self.url}{path}", **more) as answer:
            assert answer.status_code == 200, answer.read()
            yield Stream(answer)

    def chat(self, text: str, app: str | None = None, **body: Any) -> Any:
        """The stream of a message's answer, as a context manager."""
        return self.streaming("POST", "/api/chat", params={"app": app} if app else {}, json={"text": text} | body)

    def ask(self, text: str, app: str | None = None, **body: Any) -> list[Event]:
        """All events of a message's answer."""
        with self.chat(text, app, **body) as stream:
            return list(stream.events())

    def resume(self, url: str | None = None, last_id: str | None = None, **params: Any) -> Any:
        """The stream of the current or last turn, as a context manager."""
        headers = {"Last-Event-ID": last_id} if last_id else {}
        params = {"session_id": self.session_id} | params
        return self.streaming("GET", "/api/chat", url=url, headers=headers, params=params)

    def updates(self, url: str | None = None, last_id: str | None = None) -> Any:
        """The update stream, as a context manager."""
        headers = {"Last-Event-ID": last_id} if last_id else {}
        return self.streaming("GET", "/api/updates", url=url, headers=headers)


class Stream:
    """An open event stream. `ids` are those seen so far, `raw` its bytes."""

    def __init__(self, answer: httpx.Response) -> None:
        self.headers = answer.headers
        self.raw = b""
        self.ids: list[str] = []
        self.arrived: list[float] = []
        self._bytes = answer.iter_raw()
        self._events = self._read()

    def events(self) -> Iterator[Event]:
        """The events from here on."""
        return self._events

    def next(self, kind: str | None = None) -> Event:
        """The next event, or the next one of a type."""
        for event in self._events:
            if kind is None or event["type"] == kind:
                return event
        raise AssertionError(f"the stream ended before {kind or 'an event'}: {self.raw!r}")

    def until_text(self, ending: str) -> list[Event]:
        """The next events, up to the one with which their text ends so. Text may be cut anywhere: count no pieces."""
        events = [self.next("text")]
        while not text_of(events).endswith(ending):
            events.append(self.next("text"))
        return events

    def _read(self) -> Iterator[Event]:
        rest = b""
        began = time.monotonic()
        for part in self._bytes:
            self.raw += part
            assert time.monotonic() < began + patient(60), f"no end of the stream in time: {self.raw[-500:]!r}"
            *frames, rest = (rest + part).split(b"\n\n")
            for frame in frames:
                yield from self._event(frame)
        assert rest == b"", "the stream ended inside a frame"

    def _event(self, frame: bytes) -> Iterator[Event]:
        for line in frame.split(b"\n"):
            if line.startswith(b"id: "):
                self.ids.append(line[4:].decode())
            if line.startswith(b"data: "):
                self.arrived.append(time.monotonic())
                yield json.loads(line[6:])


def fetch(url: str, method: str = "GET", **more: Any) -> httpx.Response:
    """The response to one request that belongs to no session."""
    return httpx.request(method, url, **{"timeout": patient(30), "verify": False, "trust_env": False} | more)


def text_of(events: list[Event]) -> str:
    return "".join(event["content"] for event in events if event["type"] == "text")


def kinds(events: list[Event]) -> list[str]:
    """The types of the events, neighbours of one type as one."""
    found: list[str] = []
    for event in events:
        if not found or found[-1] != event["type"] or event["type"] != "text":
            found.append(event["type"])
    return found
