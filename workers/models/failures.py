"""Failures of a provider, as one table: whose fault it is, whether to retry, and the text for users.

The provider's own text goes only into the log, and only with AOMI_LOG_CONTENT=1: it may quote the conversation.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx
import litellm

from workers.models.delta import Broken
from workers.models.tap import Tap
from workers.turn import ProviderFailed, ProviderStalled, Refused, TurnFailed

KEY = "The model's provider did not accept the API key; check the key, or choose another model"
MONEY = "The account at the model's provider has no credit left; its owner can add some, or choose another model"
MISSING = "The model's provider has no such model at its address; choose another model"
TOO_LONG = "The conversation is too long for this model; open a new thread, or choose another model"
BAD_REQUEST = "The model's provider did not accept the request; choose another model, or open a new thread"
REFUSED = "The model's provider refused this message; write another one"
BUSY = "The model's provider is busy; try again in a moment"
TOO_SLOW = "The model's provider did not finish the request in its own time; try again"
UNREACHABLE = "The model's provider cannot be reached; try again, or choose another model"
FAILED = "The model's provider failed to answer; try again"
CUT = "The model's provider broke off the answer; try again"
NOT_SET_UP = "This model is not set up right, so its provider was not asked; choose another model"
STALLED = "The model's provider sent nothing for {seconds:g} seconds; try again, or choose another model"

_STATUS_OF_CODE = {
    **dict.fromkeys(["rate_limit_error", "rate_limit_exceeded", "resource_exhausted", "rate_limited"], 429),
    **dict.fromkeys(["overloaded_error", "overloaded", "unavailable", "service_unavailable"], 503),
    **dict.fromkeys(["invalid_request_error", "invalid_argument", "bad_request"], 400),
    **dict.fromkeys(["authentication_error", "unauthenticated", "invalid_api_key"], 401),
    **dict.fromkeys(["permission_error", "permission_denied"], 403),
    **dict.fromkeys(["not_found_error", "not_found", "model_not_found", "deploymentnotfound"], 404),
    **dict.fromkeys(["timeout_error", "deadline_exceeded"], 504),
    "request_too_large": 413,
}
"""For errors inside a stream that say no status."""

_FILTER = frozenset(
    [
        *("content_filter", "content_policy_violation", "responsibleaipolicyviolation", "moderation_blocked"),
        *("data_inspection_failed", "sensitive_words_detected"),
    ]
)
_MONEY = frozenset(
    [
        *("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance"),
        *("insufficient_credits", "billing_error"),
    ]
)
_TOO_LONG_CODES = frozenset(["context_length_exceeded", "request_too_large", "string_above_max_length"])
_TOO_LONG_WORDS = re.compile(
    r"context (?:length|window)|maximum context|prompt is too long|too many tokens|input token count", re.IGNORECASE
)
_MONEY_WORDS = re.compile(r"credit balance is too low|insufficient (?:balance|credit|funds)", re.IGNORECASE)
_KEY_WORDS = re.compile(r"api[ _]key (?:not valid|is invalid|expired)|invalid api[ _]key", re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """A failed call: what the turn is told; `kind` for metrics and traces (`HTTP 429`, `StreamError`, or the class of
    an error); what operators are told of it."""

    error: TurnFailed
    kind: str
    said: Broken


def failure_of(error: Exception, tap: Tap, broken: Broken | None, stall: float) -> Failure:
    """The cause of a failed call: a response with an error's status, an error inside its stream, a connection that was
    lost, silence, or what litellm raised before or behind all that."""
    failure = _failure(error, tap, broken, stall)
    failure.error.kind = failure.kind
    return failure


def _failure(error: Exception, tap: Tap, broken: Broken | None, stall: float) -> Failure:
    if tap.rejection:
        said = tap.rejection.error
        said = Broken(tap.rejection.status, said.codes, said.words, _retry_after(tap.rejection.headers, said))
        return Failure(_of_status(said), f"HTTP {said.status}", said)
    if broken:
        return Failure(_of_status(_with_status(broken)), "StreamError", broken)
    lost = tap.lost or (tap.source.lost if tap.source else None)
    kind = type(getattr(error, "original_exception", None) or error).__name__  # litellm's wrapper wraps again
    if isinstance(lost or error, TimeoutError | httpx.TimeoutException | litellm.Timeout):
        return Failure(ProviderStalled(STALLED.format(seconds=stall)), kind, Broken(words=str(lost or error)))
    if lost:
        words = UNREACHABLE if tap.lost else CUT
        return Failure(ProviderFailed(words, retryable=True), type(lost).__name__, Broken(words=str(lost)))
    return Failure(_raised(error, tap), kind, Broken(words=str(error)))


def _raised(error: Exception, tap: Tap) -> TurnFailed:
    """The failure that litellm raised: its own if no request was sent."""
    if tap.is_page:
        return ProviderFailed(MISSING, retryable=False)
    if isinstance(error, ConnectionResetError):
        return ProviderFailed(CUT, retryable=True)
    if isinstance(error, ValueError) and tap.source:
        return ProviderFailed(FAILED, retryable=True)
    status = _status_of(error)
    if tap.sent == 0 and status in (400, 404, 422):
        return ProviderFailed(NOT_SET_UP, retryable=False)
    return _of_status(Broken(500 if tap.source else status, words=str(error)))


def _of_status(said: Broken) -> TurnFailed:
    """The table."""
    codes, status = set(said.codes), said.status
    if codes & _FILTER:
        return Refused(REFUSED)
    if status == 402 or codes & _MONEY or (status < 500 and _MONEY_WORDS.search(said.words)):
        return ProviderFailed(MONEY, retryable=False)
    if status in (401, 403) or "api_key_invalid" in codes or (status == 400 and _KEY_WORDS.search(said.words)):
        return ProviderFailed(KEY, retryable=False)
    if status in (404, 405):
        return ProviderFailed(MISSING, retryable=False)
    if status == 413 or codes & _TOO_LONG_CODES or (status in (400, 422) and _TOO_LONG_WORDS.search(said.words)):
        return ProviderFailed(TOO_LONG, retryable=False)
    if status in (429, 503, 529):
        return ProviderFailed(BUSY, retryable=True, retry_after=said.retry_after)
    if status == 408:
        return ProviderFailed(TOO_SLOW, retryable=True, retry_after=said.retry_after)
    if 400 <= status < 500 and status not in (409, 425):
        return ProviderFailed(BAD_REQUEST, retryable=False)
    return ProviderFailed(FAILED, retryable=True, retry_after=said.retry_after)


def _with_status(said: Broken) -> Broken:
    status = said.status or next((_STATUS_OF_CODE[code] for code in said.codes if code in _STATUS_OF_CODE), 500)
    return Broken(status, said.codes, said.words, said.retry_after)


def _status_of(error: Exception) -> int:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else 500


def _retry_after(headers: Mapping[str, str], said: Broken) -> float | None:
    """Seconds: `retry-after-ms`, `Retry-After` as seconds or as a date, else what the body says."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        value = headers.get("retry-after", "")
        if value.replace(".", "", 1).isdecimal():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time()) if value else said.retry_after
    except ValueError:
        return said.retry_after
