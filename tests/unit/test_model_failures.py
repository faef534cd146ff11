"""What a call failed of: whose fault it is, whether to ask again, and what is told to whom."""

from __future__ import annotations

import time
from email.utils import formatdate

import httpx
import litellm
import pytest

from workers.models import failures
from workers.models.delta import Broken
from workers.models.failures import failure_of
from workers.models.models import _without_keys
from workers.models.tap import Rejection, Tap
from workers.models.wires.errors import described
from workers.turn import ProviderFailed, ProviderStalled, Refused


def tap(**what):
    return Tap(lambda _: None, lambda: None, sent=1, **what)


def rejected(status, body=None, headers=None):
    rejection = Rejection(status, httpx.Headers(headers or {}), described(body or {"error": {"message": "secret"}}))
    return failure_of(litellm.APIConnectionError("x", "openai", "m"), tap(rejection=rejection), None, 6)


def coded(status, code, message="secret"):
    return rejected(status, {"error": {"message": message, "code": code}})


@pytest.mark.parametrize(
    ("failure", "words", "retryable"),
    [
        (rejected(400), failures.BAD_REQUEST, False),
        (rejected(422), failures.BAD_REQUEST, False),
        (rejected(401), failures.KEY, False),
        (rejected(403), failures.KEY, False),
        (coded(400, "invalid_request", "API key not valid. Please pass a valid one"), failures.KEY, False),
        (rejected(402), failures.MONEY, False),
        (coded(429, "insufficient_quota"), failures.MONEY, False),
        (coded(400, None, "Your credit balance is too low"), failures.MONEY, False),
        (rejected(404), failures.MISSING, False),
        (rejected(413), failures.TOO_LONG, False),
        (coded(400, "context_length_exceeded"), failures.TOO_LONG, False),
        (coded(400, None, "prompt is too long: 200001 tokens"), failures.TOO_LONG, False),
        (rejected(408), failures.TOO_SLOW, True),
        (rejected(429), failures.BUSY, True),
        (rejected(503), failures.BUSY, True),
        (rejected(529), failures.BUSY, True),
        (rejected(500), failures.FAILED, True),
        (rejected(409), failures.FAILED, True),
    ],
)
def test_what_an_answer_with_an_errors_status_means(failure, words, retryable):
    assert (failure.error.message, failure.error.retryable) == (words, retryable)
    assert failure.error.code == "provider_error"
    assert "secret" not in failure.error.message


def test_operators_tell_a_refusal_by_its_status():
    assert rejected(429).kind == "HTTP 429"


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "m", "code": "content_filter"}},
        {"error": {"message": "m", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
    ],
)
def test_a_filter_of_the_provider_refuses_for_good(body):
    failure = rejected(400, body)
    assert isinstance(failure.error, Refused)
    assert (failure.error.code, failure.error.retryable) == ("refused", False)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "2"}, 2, 2),
        ({"retry-after": "1.5"}, 1.5, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25, 0.25),
    ],
)
def test_how_long_a_provider_wants_to_be_left_alone(headers, least, most):
    assert least <= rejected(429, headers=headers).error.retry_after <= most


@pytest.mark.parametrize(("ahead", "least", "most"), [(1000, 1, 1001), (-1000, 0, 0)])
def test_it_may_be_said_as_a_date(ahead, least, most):
    headers = {"retry-after": formatdate(time.time() + ahead)}
    assert least <= rejected(429, headers=headers).error.retry_after <= most


@pytest.mark.parametrize("value", ["soon", ""])
def test_a_time_that_is_none_is_none(value):
    assert rejected(429, headers={"retry-after": value}).error.retry_after is None


@pytest.mark.parametrize(
    ("broken", "words", "retryable"),
    [
        (Broken(503), failures.BUSY, True),
        (Broken(codes=("overloaded_error",)), failures.BUSY, True),
        (Broken(codes=("invalid_request_error",)), failures.BAD_REQUEST, False),
        (Broken(words="anything"), failures.FAILED, True),
    ],
)
def test_an_error_inside_a_stream(broken, words, retryable):
    failure = failure_of(ValueError("x"), tap(), broken, 6)
    assert (failure.error.message, failure.error.retryable) == (words, retryable)


@pytest.mark.parametrize("error", [TimeoutError(), httpx.ReadTimeout("x"), litellm.Timeout("x", "m", "p")])
def test_silence_is_a_stall(error):
    assert isinstance(failure_of(error, tap(), None, 6).error, ProviderStalled)


def test_a_provider_that_is_not_there():
    failure = failure_of(ValueError("x"), tap(lost=httpx.ConnectError("no")), None, 6)
    assert (failure.error.message, failure.kind) == (failures.UNREACHABLE, "ConnectError")


def test_a_stream_that_ends_too_early():
    assert failure_of(ConnectionResetError("x"), tap(), None, 6).error.message == failures.CUT


def test_a_model_that_is_not_set_up_is_not_its_providers_fault():
    error = litellm.BadRequestError("LLM Provider NOT provided", "m", "p")
    untouched = Tap(lambda _: None, lambda: None)
    failure = failure_of(error, untouched, None, 6)
    assert isinstance(failure.error, ProviderFailed)
    assert (failure.error.message, failure.error.retryable) == (failures.NOT_SET_UP, False)


def test_keys_are_taken_out_of_a_providers_words():
    params = {"api_key": "alpha-1234", "extra_headers": {"Authorization": "Bearer bravo-5678"}, "temperature": 1}
    words = _without_keys("no alpha-1234, nor bravo-5678", params)
    assert words == "no [key], nor [key]"


def test_a_code_that_may_quote_the_conversation_is_not_logged():
    assert described({"error": {"code": "what the user said", "type": "bad_request", "message": "m"}}).codes == (
        "bad_request",
    )
