"""A client that does not give up: sends with an Idempotency-Key, reads, resumes wherever a web answers, to the end."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.site import Site
from tests.support.client import PLAIN, Event
from tests.support.engines import Watched
from tests.support.patience import patient

SECONDS = 60.0
"""Within them a turn must have ended, whatever happens to it: else it hangs. More on a busy machine."""

LATE_SECONDS = 30.0
"""A person waits so long for a response whose request could spoil what comes after it: one that its client has given
up may still be carried out. More on a busy machine."""

TERMINAL = ("complete", "error")


class Broken(AssertionError):
    """A promise was broken."""


@dataclass
class Sent:
    """A message and what came back. `events` are those of the stream, by number from 1 on."""

    session_id: str
    text: str
    kind: str
    app: str = "scripted"
    model: str = "scripted"
    on_busy: str = "enqueue"
    leaves_after: int | None = None
    more: dict[str, Any] = field(default_factory=dict)
    """What its body has besides; a regeneration has no text."""
    run_id: str = ""
    refused: int = 0
    events: list[Event] = field(default_factory=list)
    reconnects: int = 0
    ended_at: float = 0.0
    accepted: threading.Event = field(default_factory=threading.Event)

    @property
    def end(self) -> Event | None:
        last = self.events[-1] if self.events else None
        return last if last and last["type"] in TERMINAL else None

    def said(self) -> str:
        return "".join(event["content"] for event in self.events if event["type"] == "text")


class Reader:
    """Sends one message and reads its answer, resuming for as long as it breaks off."""

    def __init__(self, site: Site, rng: random.Random, sent: Sent) -> None:
        self._site = site
        self._rng = rng
        self._sent = sent
        self._headers = {"X-Session-Id": sent.session_id, "X-API-Key": site.key}
        self._key = str(uuid.uuid4())

    def read(self) -> Sent:
        """To the turn's end, or to its refusal. Raises `Broken` when neither comes."""
        deadline = time.monotonic() + patient(SECONDS)
        while not (self._sent.end or self._sent.refused):
            if time.monotonic() > deadline:
                raise Broken(f"no end within {patient(SECONDS):g} s: {self._sent}")
            try:
                self._once()
            except httpx.TransportError:
                time.sleep(self._rng.uniform(0.02, 0.2))
        self._sent.ended_at = time.monotonic()
        self._sent.accepted.set()
        return self._sent

    def _once(self) -> None:
        sent = self._sent
        with httpx.stream(**self._request(), timeout=5, **PLAIN) as answer:
            if answer.status_code == 200:
                self._take(answer)
            elif answer.status_code in (429, 502, 503):  # 502: nginx found no web
                time.sleep(self._rng.uniform(0.1, 0.4))
            elif answer.status_code == 409 and sent.on_busy == "reject" and not sent.run_id:
                sent.refused = 409
            else:
                raise Broken(f"status {answer.status_code}, {answer.read()!r}: {sent}")

    def _request(self) -> dict[str, Any]:
        sent, url = self._sent, f"{self._site.url(self._rng)}/api/chat"
        if not sent.run_id:
            body = {"text": sent.text, "model": sent.model, "on_busy": sent.on_busy} | sent.more
            if "regenerate" in body:
                del body["text"]
            query = {"app": sent.app, "ids": "1"}
            headers = self._headers | {"Idempotency-Key": self._key}
            return {"method": "POST", "url": url, "params": query, "json": body, "headers": headers}
        sent.reconnects += 1
        headers = self._headers | {"Last-Event-ID": f"{sent.run_id}:{len(sent.events)}"}
        return {"method": "GET", "url": url, "params": {"run_id": sent.run_id}, "headers": headers}

    def _take(self, answer: httpx.Response) -> None:
        sent = self._sent
        sent.run_id = httpx.URL(answer.headers["location"]).params["run_id"]
        sent.accepted.set()
        number = 0
        for line in answer.iter_lines():
            if line.startswith("id: "):
                number = int(line.rpartition(":")[2])
            elif line.startswith("data: "):
                self._add(number, json.loads(line[6:]))
                if sent.leaves_after == len(sent.events):
                    return  # hangs up, to come back elsewhere

    def _add(self, number: int, event: Event) -> None:
        sent = self._sent
        if sent.end:
            raise Broken(f"{event} after the end: {sent}")
        if number <= len(sent.events) and event["type"] in TERMINAL and isinstance(self._site.redis, Watched):
            del sent.events[number - 1 :]  # the failover has lost the end of the log, with what the reader knows
        if number > len(sent.events) + 1 or (number <= len(sent.events) and sent.reconnects):
            raise Broken(f"event {number} after event {len(sent.events)}: {sent}")
        if number == len(sent.events) + 1:  # else it is the POST again, which replays from the beginning
            sent.events.append(event)
