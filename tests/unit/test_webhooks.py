"""Webhooks: what aomi.yaml may say, how a message is signed, and what an attempt to send it may cost."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from flask import Flask
from standardwebhooks import Webhook as Published
from standardwebhooks import WebhookVerificationError

from app import catalog
from app.catalog.webhooks import Webhook, WebhookNotReady, signing_key
from app.errors import ConfigError
from app.state.webhooks.messages import WebhookMessage
from app.web import parsing
from tests.support.backend import free_port
from tests.support.patience import patient
from tests.support.receiver import SECRET
from tests.support.servers import serving
from workers.webhooks import sending, signing
from workers.webhooks.sending import SendFailed

OTHER = "whsec_" + base64.b64encode(b"another secret of the tests, longer").decode()
MODELS = "model_list: [{model_name: demo, litellm_params: {model: demo/assistant}}]\n"


@pytest.fixture
def load(tmp_path):
    """Loads an aomi.yaml whose app has this webhook."""

    def load(webhook, **environment):
        path = tmp_path / "aomi.yaml"
        path.write_text(f"{MODELS}apps: [{{id: shop, model: demo, webhook: {webhook}}}]")
        return catalog.load(path, environment)

    return load


# aomi.yaml


@pytest.mark.parametrize(
    ("webhook", "told"),
    [
        ("{url: https://x.example}", "secret: Field required"),
        ("{url: https://x.example, secret: whsec_abc}", "must be os.environ/NAME: a secret does not belong in this"),
        ("{url: 'https://me:hush@x.example', secret: os.environ/S}", "must be an address without a password"),
        ("{url: 'ftp://hush.example', secret: os.environ/S}", "must be an address"),
        ("{url: https://x.example, secret: os.environ/S, events: [turn.done]}", "Input should be 'turn.completed'"),
        ("{url: https://x.example, secret: os.environ/S, event: [tool.done]}", "did you mean 'events'?"),
    ],
)
def test_a_wrong_webhook_is_refused_by_its_place_and_shows_no_value(load, webhook, told):
    with pytest.raises(ConfigError) as refused:
        load(webhook)
    assert told in str(refused.value)
    assert not [value for value in ("whsec_abc", "hush") if value in str(refused.value)]


@pytest.mark.parametrize("host", ["shop..example", f"{'a' * 64}.example"])
def test_a_name_that_no_resolver_takes_is_a_failed_attempt(host):
    with pytest.raises(SendFailed):
        sending.post(f"http://{host}/x", {}, b"{}", 2)


@pytest.mark.parametrize(("usage", "told"), [("", 1), ("null", 1), ('{"turns": 2}', 2)])
def test_the_usage_is_that_of_the_end_where_the_turn_is_gone(usage, told):
    message = WebhookMessage(
        "s", "shop", "msg_1", "turn.completed", "run_1", "2026", {"usage": {"turns": 1}}, usage=usage
    )
    assert json.loads(message.body())["data"] == {"usage": {"turns": told}}


def test_feedback_is_sent_only_to_those_who_ask_for_it():
    each = Webhook(url="https://x.example", secret="os.environ/S")
    named = Webhook(url="https://x.example", secret="os.environ/S", events=("feedback.given",))
    assert [each.sends("turn.failed"), each.sends("feedback.given")] == [True, False]
    assert [named.sends("turn.failed"), named.sends("feedback.given")] == [False, True]


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "URL is not set"),
        ({"URL": "https://x.example"}, "S is not set"),
        ({"URL": "https://x.example", "S": "whsec_dG9vIHNob3J0"}, "S is not a secret: whsec_ and 24 to 64 bytes"),
        ({"URL": "hush", "S": SECRET}, "URL is not an address"),
    ],
)
def test_a_webhook_that_cannot_be_sent_here_is_told_at_the_start_without_its_values(load, environment, told):
    loaded = load("{url: os.environ/URL, secret: os.environ/S}", **environment)
    assert any("the webhook of app 'shop' is not sent: " + told in notice for notice in loaded.notices)
    assert not [value for value in environment.values() if value in " ".join(loaded.notices)]
    with pytest.raises(WebhookNotReady, match=told[:10]):
        loaded.app("shop").webhook.receiver(environment)


def test_a_receiver_shows_neither_its_address_nor_its_keys(load):
    loaded = load("{url: os.environ/URL, secret: os.environ/S}", URL="https://x.example/hush", S=SECRET)
    assert loaded.notices == () or not [notice for notice in loaded.notices if "webhook" in notice]
    receiver = loaded.app("shop").webhook.receiver({"URL": "https://x.example/hush", "S": SECRET})
    assert (receiver.url, repr(receiver)) == ("https://x.example/hush", "Receiver()")


# Signing


def test_the_published_package_verifies_what_we_sign_with_either_of_two_secrets():
    body, now = b'{"type":"turn.completed"}', int(datetime.now(UTC).timestamp())
    headers = signing.headers([signing_key(SECRET), signing_key(OTHER)], "msg_1", now, body)
    for secret in (SECRET, OTHER):
        assert Published(secret).verify(body, headers) == {"type": "turn.completed"}
    with pytest.raises(WebhookVerificationError):
        Published(SECRET).verify(body + b" ", headers)
    assert headers["webhook-signature"] == " ".join(
        Published(secret).sign("msg_1", datetime.fromtimestamp(now, UTC), body.decode()) for secret in (SECRET, OTHER)
    )


# One attempt


def attempt(handle, seconds=10.0):
    with serving(handle) as url:
        return sending.post(f"{url}/hook", {"webhook-id": "msg_1"}, b"{}", seconds)


def answering(status, *headers, body=b""):
    """Answers with this; counts the requests."""
    seen = []

    def handle(request):
        seen.append(request.path)
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return handle, seen


def test_a_redirect_is_not_followed():
    handle, seen = answering(302, ("Location", "/elsewhere"), ("Content-Length", "0"))
    answer = attempt(handle)
    assert (answer.is_received, seen) == (False, ["/hook"])


def test_the_receiver_may_say_when_to_come_again():
    assert attempt(answering(429, ("Retry-After", "7"), ("Content-Length", "0"))[0]).retry_after == 7
    assert attempt(answering(503, ("Retry-After", "soon"), ("Content-Length", "0"))[0]).retry_after == 0


def test_a_body_that_never_ends_is_not_read():
    def handle(request):
        request.send_response(200)
        request.end_headers()
        for _ in range(10_000):
            request.wfile.write(b"x" * 10_000)

    assert attempt(handle).is_received


def test_a_receiver_that_drips_its_head_takes_no_longer_than_the_limit():
    def handle(request):
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(100):
            time.sleep(0.05)
            request.wfile.write(f"X-{number}: drip\r\n".encode())

    began = time.monotonic()
    with pytest.raises(SendFailed, match="Timeout"):
        attempt(handle, 0.3)
    assert time.monotonic() - began < patient(4)


def test_nobody_there_is_a_failure_without_the_address():
    with pytest.raises(SendFailed, match=r"^ConnectError$"):
        sending.post(f"http://127.0.0.1:{free_port()}/hush", {}, b"{}", 5)


# Prefer


@pytest.mark.parametrize(
    ("header", "prefers"),
    [
        ("respond-async", True),
        ("wait=10, Respond-Async ;x=1", True),
        ("return=minimal", False),
        ("respond-asynchronously", False),
        ("", False),
    ],
)
def test_the_preference_not_to_wait_is_found_among_others(header, prefers):
    with Flask("t").test_request_context(headers={"Prefer": header}):
        assert parsing.prefers_async() is prefers
