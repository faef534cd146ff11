"""The HTTP API as the terminal calls it: requests, streams, and what may go wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from app.events import sse

SILENCE = 60.0
"""Seconds without a byte, keep-alives included, after which a stream counts as broken."""

TIMEOUT = httpx.Timeout(10, read=15)

PASSING = frozenset({502, 503, 504})
"""Answers of a backend that is full or being restarted, or of a proxy before one."""

TOO_MANY = 429
"""Passes, too: what only reads is asked again; whether to send a message again is for the person to say."""

Params = Mapping[str, str]


class Refused(Exception):
    """The backend said no; the message is its own words."""


class Away(Exception):
    """The backend cannot be reached, or the connection broke. Trying again may help."""


class Busy(Away):
    """The backend answers that it cannot do it now; the message is its own words."""


class Backend:
    """One session at one backend. May be used by several threads at once."""

    def __init__(self, url: str, key: str, session_id: str) -> None:
        self.session_id = session_id
        self.has_key = bool(key)
        headers = {"X-Session-Id": session_id} | ({"X-API-Key": key} if key else {})
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT)

    def call(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """The JSON of an answer. Raises `Refused`, `Away`."""
        with _failures():
            answer = self._http.request(method, path, json=body, params=params or None)
            _check(answer)
            return answer.json()

    @contextmanager
    def stream(
        self, method: str, path: str, body: Any = None, params: Params | None = None, headers: Params | None = None
    ) -> Iterator[tuple[httpx.Headers, Iterator[tuple[str, sse.Event]]]]:
        """Headers, and id and event of each frame; nothing of an answer 204. Raises `Refused`, `Away`."""
        timeout = httpx.Timeout(10, read=SILENCE)
        with (
            _failures(),
            self._http.stream(method, path, json=body, params=params, headers=headers, timeout=timeout) as answer,
        ):
            _check(answer)
            if answer.status_code != 204 and not answer.headers.get("Content-Type", "").startswith(sse.MIMETYPE):
                raise Refused("What answers there is no aomi backend")
            yield answer.headers, sse.read(answer.iter_bytes())

    def interrupt(self) -> bool:
        """Stop the session's turn. False if there was none. Raises `Refused`, `Away`."""
        return bool(self.call("POST", "/api/interrupt", session_id=self.session_id)["interrupted"])

    def session(self) -> dict[str, Any]:
        """The session with its threads, oldest first. Raises `Refused`, `Away`."""
        return self.call("GET", f"/api/sessions/{self.session_id}")

    def state(self, thread_id: str | None = None) -> dict[str, Any]:
        """The snapshot of a thread (None: the newest). Raises `Refused`, `Away`."""
        params = {"session_id": self.session_id} | ({"thread_id": thread_id} if thread_id else {})
        return self.call("GET", "/api/state", **params)

    def control(self, action: str, body: dict[str, Any]) -> None:
        """Carry out a control action. Raises `Refused`, `Away`."""
        self.call("POST", f"/api/control/{action}", body)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except httpx.InvalidURL as error:
        raise Refused(f"The address is wrong: {error}") from None
    except (httpx.TransportError, httpx.StreamError) as error:
        raise Away(str(error) or type(error).__name__) from None
    except ValueError:
        raise Refused("What answers there is no aomi backend") from None


def _check(answer: httpx.Response) -> None:
    """Raises `Refused`, `Busy` for an answer that is none."""
    if answer.is_success:
        return
    answer.read()
    try:
        words = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        words = f"HTTP status {answer.status_code}"
    reads = answer.request.method == "GET"
    passes = answer.status_code in PASSING or (answer.status_code == TOO_MANY and reads)
    raise Busy(words) if passes else Refused(words)


class Patience:
    """Pauses between tries, each longer than the one before; `over` after `seconds` without a success."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._failed_since: float | None = None
        self._pause = 0.25

    @property
    def tried(self) -> bool:
        """Whether something has failed since the last success."""
        return self._failed_since is not None

    def succeeded(self) -> None:
        """All is well again."""
        self._failed_since, self._pause = None, 0.25

    def next(self) -> float | None:
        """Seconds to wait before the next try, None when it has been long enough."""
        moment = time.monotonic()
        self._failed_since = self._failed_since or moment
        if moment - self._failed_since > self._seconds:
            return None
        self._pause = min(2 * self._pause, 8.0)
        return self._pause
