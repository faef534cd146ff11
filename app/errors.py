"""What can go wrong, as one tree. `app.web.error_handlers` answers it over HTTP.

AomiError
├── ConfigError             the settings or aomi.yaml are wrong: nothing starts
└── ApiError                a request is refused
    ├── BadRequest          400
    ├── Unauthorized        401
    ├── BudgetSpent         402
    ├── Forbidden           403
    ├── NotFound            404
    ├── Conflict            409
    ├── TooManyRequests     429
    ├── NotConfigured       501
    ├── NotReady            503
    └── Overloaded          503
"""

from __future__ import annotations


class AomiError(Exception):
    """Base of every error of our own."""


class ConfigError(AomiError):
    """A setting or an entry of aomi.yaml is wrong; the message says which and what would be right."""


class ApiError(AomiError):
    """A request is refused with `status` and `{"error": message}`; after `retry_after` seconds it may be accepted."""

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
    """No API key, or one nobody knows."""

    status = 401


class BudgetSpent(ApiError):
    """The API key has cost as much this month as it may."""

    status = 402


class Forbidden(ApiError):
    """The API key does not authorize this app."""

    status = 403


class NotFound(ApiError):
    """The session or resource does not exist."""

    status = 404


class Conflict(ApiError):
    """The session is busy and the caller asked not to wait, or an Idempotency-Key belongs to another message."""

    status = 409


class TooManyRequests(ApiError):
    """A limit is reached, or a bounded queue is full; `Retry-After` says when to try again."""

    status = 429
    retry_after = 5


class NotConfigured(ApiError):
    """The operator has not set up what this needs; the message says what."""

    status = 501


class NotReady(ApiError):
    """A part of the backend is not there; `Retry-After` says when to try again."""

    status = 503
    retry_after = 2


class Overloaded(ApiError):
    """So many turns wait for a worker that another one would wait in vain; try again after `retry_after` seconds."""

    status = 503
    retry_after = 5
