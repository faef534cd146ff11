"""The tree of our errors. `app.web.error_handlers` turns them into HTTP responses.

AomiError
├── ConfigError             the settings or aomi.yaml are invalid: the process does not start
└── ApiError                a request is refused
    ├── BadRequest          400
    ├── Unauthorized        401
    ├── BudgetSpent         402
    ├── Forbidden           403
    ├── NotFound            404
    ├── Conflict            409
    │   └── MessageIdTaken  409
    ├── TooLarge            413
    ├── UnsupportedMediaType 415
    ├── TooManyRequests     429
    ├── NotConfigured       501
    ├── BadGateway          502
    ├── NotReady            503
    └── Overloaded          503
"""

from __future__ import annotations

from collections.abc import Sequence


class AomiError(Exception):
    """Base of all our errors."""


class ConfigError(AomiError):
    """A setting or an entry of aomi.yaml is invalid; the message says which one and what is right. `warnings` were
    found beside it, one line each."""

    def __init__(self, message: str, warnings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.warnings = tuple(warnings)


class ApiError(AomiError):
    """A request is refused with `status` and `{"error": message}`. A retry after `retry_after` seconds may succeed."""

    status = 500
    retry_after: int | None = None

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        if retry_after is not None:
            self.retry_after = retry_after


class BadRequest(ApiError):
    """A parameter is missing or invalid."""

    status = 400


class Unauthorized(ApiError):
    """The API key is missing, unknown or expired."""

    status = 401


class BudgetSpent(ApiError):
    """The API key has spent its budget for this month."""

    status = 402


class Forbidden(ApiError):
    """The API key does not authorize this app."""

    status = 403


class NotFound(ApiError):
    """The session or resource does not exist."""

    status = 404


class Conflict(ApiError):
    """The session is busy and the request asked not to wait, the Idempotency-Key belongs to another message, or the
    session has as many threads as it may have."""

    status = 409


class MessageIdTaken(Conflict):
    """The client's id of the message belongs to another message of the thread."""


class TooLarge(ApiError):
    """The body is too large, or the session has no room for it."""

    status = 413


class UnsupportedMediaType(ApiError):
    """The file is of a type that is not taken."""

    status = 415


class TooManyRequests(ApiError):
    """A limit is reached, or the session's queue is full. Retry after `Retry-After` seconds."""

    status = 429
    retry_after = 5


class NotConfigured(ApiError):
    """The operator has not configured this feature; the message says which setting it needs."""

    status = 501


class BadGateway(ApiError):
    """A server of the operator's that the request needs gave no usable response."""

    status = 502


class NotReady(ApiError):
    """A part of the backend is not available. Retry after `Retry-After` seconds."""

    status = 503
    retry_after = 2


class Overloaded(ApiError):
    """The queue is full, or too many streams are open. Retry after `Retry-After` seconds."""

    status = 503
    retry_after = 5
