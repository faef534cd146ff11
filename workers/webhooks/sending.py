"""One attempt to send a message: an HTTP request that is limited in time, and whose response body is not read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from app import limited_http
from app.version import __version__


class Answer(NamedTuple):
    """The status of a response, and the seconds of its `Retry-After`, 0 without one."""

    status: int
    retry_after: float

    @property
    def is_received(self) -> bool:
        """Whether the receiver has the message. A redirect is none: it is not followed."""
        return 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more attempts."""
        return self.status == 410


class SendFailed(Exception):
    """There was no response. The message names the error's class alone: the address may hold a token."""


def post(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
    """POST the message; the response's head must be there within `seconds`. Raises `SendFailed`."""
    sent = [*headers.items(), ("Content-Type", "application/json"), ("User-Agent", f"aomi-backend/{__version__}")]
    try:
        with (
            limited_http.pool(seconds) as connections,
            connections.stream("POST", url, headers=sent, content=body) as response,
        ):
            given = {name.lower(): value for name, value in response.headers}.get(b"retry-after", b"")
            return Answer(response.status, float(given) if given.isdigit() else 0.0)
    except limited_http.FAILURES as error:
        raise SendFailed(type(error).__name__) from None
