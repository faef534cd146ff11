"""Deleting a session or a thread at work: its stream ends, and nothing of it is left or comes back."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import httpx

from tests.chaos.reader import LATE_SECONDS, SECONDS, TERMINAL, Broken
from tests.chaos.site import Site
from tests.support.client import PLAIN
from tests.support.patience import patient
from tests.support.servers import Calls, Silence, Text

APP = "default"
"""The app of these sessions, which nobody else uses: what they cost stays in the sums of keys alone."""

GONE = (204, 404)


class Erasure:
    """One session of its own, deleted with its turn, its tools and a message that waits, or after its only thread."""

    def __init__(self, site: Site, rng: random.Random, pool: ThreadPoolExecutor) -> None:
        self.session_id = str(uuid.uuid4())
        self._site = site
        self._rng = rng
        self._pool = pool
        self._deleted = threading.Event()

    def run(self) -> None:
        """Raises `Broken` when a stream does not end."""
        watch = Calls([("WatchTokenPrice", {"symbol": "ETH", "times": 1000, "every": self._rng.choice([0.2, 6])})])
        first = self._site.provider.script(f"erased {self.session_id}", [watch], [Text(["on it"]), Silence()])
        second = self._site.provider.script(f"waits {self.session_id}", [Text(["late"])])
        streams = []
        for text in (first, second):
            accepted = threading.Event()
            streams.append(self._pool.submit(self._read, text, accepted))
            accepted.wait(patient(30))
        time.sleep(self._rng.uniform(0, 1))
        if self._rng.random() < 0.5:
            for thread in self._threads():
                self._delete(f"/api/sessions/{self.session_id}/threads/{thread}")
        self._delete(f"/api/sessions/{self.session_id}")
        self._deleted.set()
        for stream in streams:
            stream.result()

    def _read(self, text: str, accepted: threading.Event) -> None:
        """Read to the turn's end, or until it is gone. A message that was not accepted before the deletion is dropped:
        it would start the session afresh."""
        deadline, run_id = time.monotonic() + patient(SECONDS), ""
        while time.monotonic() < deadline and (run_id or not self._deleted.is_set()):
            try:
                with self._stream(text, run_id) as answer:
                    if answer.status_code in GONE:
                        return
                    if answer.status_code == 200:
                        run_id = httpx.URL(answer.headers["location"]).params["run_id"]
                        accepted.set()
                        if any(event["type"] in TERMINAL for event in _events(answer)):
                            return
            except httpx.TransportError:
                pass
            time.sleep(self._rng.uniform(0.05, 0.3))
        accepted.set()
        if run_id:
            raise Broken(f"no end of a turn of a deleted session within {patient(SECONDS):g} s: {text}")

    def _stream(self, text: str, run_id: str) -> AbstractContextManager[httpx.Response]:
        url, headers = f"{self._site.url(self._rng)}/api/chat", {"X-Session-Id": self.session_id}
        if run_id:
            return httpx.stream("GET", url, params={"run_id": run_id}, headers=headers, timeout=5, **PLAIN)
        headers["Idempotency-Key"] = text
        body = {"text": text, "model": "scripted"}
        timeout = patient(LATE_SECONDS)  # after the deletion it would start the session afresh
        return httpx.stream("POST", url, json=body, headers=headers, timeout=timeout, **PLAIN)

    def _threads(self) -> list[str]:
        answer = self._until_answered("GET", f"/api/sessions/{self.session_id}")
        return [thread["id"] for thread in answer.json().get("threads", [])]

    def _delete(self, path: str) -> None:
        self._until_answered("DELETE", path)

    def _until_answered(self, method: str, path: str) -> httpx.Response:
        deadline = time.monotonic() + patient(SECONDS)
        while time.monotonic() < deadline:
            try:
                answer = httpx.request(method, f"{self._site.url(self._rng)}{path}", timeout=5, **PLAIN)
                if answer.status_code in (200, *GONE):
                    return answer
            except httpx.TransportError:
                pass
            time.sleep(self._rng.uniform(0.02, 0.2))
        raise Broken(f"no answer to {method} {path} within {patient(SECONDS):g} s")


def _events(answer: httpx.Response) -> Iterator[dict]:
    return (json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: "))
