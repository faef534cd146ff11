"""The HTTP API as the terminal calls it: requests, streams and their errors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from app.events import sse

STALL_SECONDS = 60.0
"""How long the response of a stream may take. Its keep-alives say how long it may be silent then."""

TIMEOUT = httpx.Timeout(10, read=15)

TRANSIENT_STATUSES = frozenset({502, 503, 504})
"""A full or restarting backend, or its proxy, responds so."""

TOO_MANY_REQUESTS = 429
"""Also transient for reads. Whether to send a message again is for the person to decide."""

OPTIONS = {"API key": "--key or AOMI_API_KEY", "token": "--token or AOMI_TOKEN"}
"""Where this command takes from what a refusal names."""

NOT_AOMI = "The server at this address is not an aomi backend"

Params = Mapping[str, str]


class Refused(Exception):
    """The backend refused; the message is the backend's."""


class Unreachable(Exception):
    """The backend cannot be reached, or the connection broke. A retry may help."""


class Busy(Unreachable):
    """The backend cannot do it at the moment; the message is the backend's."""


class Backend:
    """One session at one backend. Thread-safe."""

    def __init__(self, url: str, key: str, session_id: str, token: str = "") -> None:
        self.session_id = session_id
        self.has_key = bool(key)
        headers = {"X-Session-Id": session_id} | ({"X-API-Key": key} if key else {})
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT)

    def call(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """The JSON of a response. Raises `Refused`, `Unreachable`."""
        with _failures():
            response = self._http.request(method, path, json=body, params=params or None)
            _check(response)
            return response.json()

    @contextmanager
    def stream(
        self, method: str, path: str, body: Any = None, params: Params | None = None, headers: Params | None = None
    ) -> Iterator[tuple[httpx.Headers, Iterator[tuple[str, sse.Event]]]]:
        """Headers, and id and event of each frame; no frames for status 204. Raises `Refused`, and `Unreachable`, also
        for a stream that is silent for longer than its keep-alives allow."""
        timeout = httpx.Timeout(10, read=STALL_SECONDS)
        with (
            _failures(),
            self._http.stream(method, path, json=body, params=params, headers=headers, timeout=timeout) as response,
        ):
            _check(response)
            if response.status_code != 204 and not response.headers.get("Content-Type", "").startswith(sse.MIMETYPE):
                raise Refused(NOT_AOMI)
            response.request.extensions["timeout"]["read"] = _longest_silence(response.headers)  # read with the body
            yield response.headers, sse.read(response.iter_bytes())

    def interrupt(self) -> bool:
        """Stop the session's turn. False if none runs. Raises `Refused`, `Unreachable`."""
        return bool(self.call("POST", "/api/interrupt", session_id=self.session_id)["interrupted"])

    def session(self) -> dict[str, Any]:
        """The session with its threads, oldest first. Raises `Refused`, `Unreachable`."""
        return self.call("GET", f"/api/sessions/{self.session_id}")

    def state(self, thread_id: str | None = None) -> dict[str, Any]:
        """The snapshot of a thread (None: the newest). Raises `Refused`, `Unreachable`."""
        params = {"session_id": self.session_id} | ({"thread_id": thread_id} if thread_id else {})
        return self.call("GET", "/api/state", **params)

    def upload(self, path: Path) -> dict[str, Any]:
        """Store a file in the session. Raises `Refused`, `Unreachable`, and `OSError` if it cannot be read."""
        with path.open("rb") as file, _failures():
            response = self._http.post("/api/files", params={"filename": path.name}, content=file)
            _check(response)
            stored: dict[str, Any] = response.json()
            return stored

    def withdraw(self, run_id: str) -> None:
        """Take back a message that waits. Raises `Refused`, `Unreachable`."""
        self.call("DELETE", "/api/chat", session_id=self.session_id, run_id=run_id)

    def choose_branch(self, thread_id: str, message_id: str) -> None:
        """Make the branch of a message active. Raises `Refused`, `Unreachable`."""
        path = f"/api/sessions/{self.session_id}/threads/{thread_id}/branch"
        self.call("POST", path, {"message_id": message_id})

    def control(self, action: str, body: dict[str, Any]) -> None:
        """Carry out a control action. Raises `Refused`, `Unreachable`."""
        self.call("POST", f"/api/control/{action}", body)


def _longest_silence(headers: httpx.Headers) -> float:
    """Seconds without a byte after which a stream must have been lost on its way."""
    return 5 + 2 * float(headers.get(sse.KEEP_ALIVE_HEADER, 10))


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except httpx.InvalidURL as error:
        raise Refused(f"Invalid address: {error}") from None
    except (httpx.TransportError, httpx.StreamError) as error:
        raise Unreachable(str(error) or type(error).__name__) from None
    except ValueError:
        raise Refused(NOT_AOMI) from None


def _check(response: httpx.Response) -> None:
    """Raises `Refused` or `Busy` for an error status."""
    if response.is_success:
        return
    response.read()
    try:
        message = str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        message = f"HTTP status {response.status_code}"
    is_read = response.request.method == "GET"
    is_transient = response.status_code in TRANSIENT_STATUSES or (response.status_code == TOO_MANY_REQUESTS and is_read)
    raise Busy(message) if is_transient else Refused(_with_hint(message, response.status_code))


def _with_hint(message: str, status: int) -> str:
    """A refusal, and with which option to give what it asks for."""
    options = [option for name, option in OPTIONS.items() if name in message] if status in (401, 403) else []
    return f"{message}; here with {', or '.join(options)}" if options else message


class Backoff:
    """Pauses between retries, each twice as long as the previous one, for at most `seconds` without a success."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._failed_since: float | None = None
        self._pause = 0.25

    @property
    def is_retrying(self) -> bool:
        """Whether something has failed since the last success."""
        return self._failed_since is not None

    def reset(self) -> None:
        """After a success."""
        self._failed_since, self._pause = None, 0.25

    def next(self) -> float | None:
        """Seconds to wait before the next retry; None when the time for retries is over."""
        moment = time.monotonic()
        self._failed_since = self._failed_since or moment
        if moment - self._failed_since > self._seconds:
            return None
        self._pause = min(2 * self._pause, 8.0)
        return self._pause
