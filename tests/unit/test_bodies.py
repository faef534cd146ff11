"""A body against its type: the bounds of /openapi.json are the ones that count, the words are ours."""

from __future__ import annotations

import pytest

from app.dialects.agui.schemas import RunAgentInput
from app.dialects.gen1.schemas import NewKey, NewSecrets
from app.errors import BadRequest
from app.openapi.schemas.requests import NewMessage, NewSession, WalletResult
from app.web.bodies import validated

RUN = {"threadId": "t", "runId": "r", "messages": []}
NOT_BLANK = "must be a string that is not blank"


@pytest.mark.parametrize(
    ("kind", "fields", "refusal"),
    [
        (NewMessage, {}, f"'text' {NOT_BLANK}"),
        (NewMessage, {"text": None}, f"'text' {NOT_BLANK}"),
        (NewMessage, {"text": 7}, f"'text' {NOT_BLANK}"),
        (NewMessage, {"text": ""}, f"'text' {NOT_BLANK}"),
        (NewMessage, {"text": "\x1f\x85\u2028\ufeff"}, f"'text' {NOT_BLANK}"),
        (NewMessage, {"text": "x" * 32_001}, "'text' may have at most 32,000 characters, it has 32,001"),
        (NewMessage, {"text": "x", "model": " "}, f"'model' {NOT_BLANK}"),
        (NewMessage, {"text": "x", "on_busy": "explode"}, "'on_busy' must be 'enqueue', 'reject' or 'interrupt'"),
        (RunAgentInput, RUN | {"resume": [{"interruptId": "call_1"}]}, "'resume' is invalid: Field required"),
        (NewMessage, {"text": "x", "on_busy": None}, "'on_busy' must be 'enqueue', 'reject' or 'interrupt'"),
        (NewMessage, {"text": "x", "user_state": [1]}, "'user_state' must be a JSON object, such as"),
        (NewMessage, {"text": "x", "user_state": {"a": "x" * 16_384}}, "'user_state' may have at most 16 KiB"),
        (NewSession, {"title": " "}, f"'title' {NOT_BLANK}"),
        (WalletResult, {"result": {}}, "'id' must be the number of a client request, as in its event"),
        (WalletResult, {"id": True, "result": {}}, "'id' must be the number of a client request"),
        (WalletResult, {"id": "1", "result": {}}, "'id' must be the number of a client request"),
        (WalletResult, {"id": 1}, "'result' must be a JSON object"),
        (WalletResult, {"id": 1, "result": {"a": "x" * 16_384}}, "'result' may have at most 16 KiB"),
        (NewKey, {"provider": "?", "api_key": "k"}, "'provider' must be the name of a model provider, such as openai"),
        (
            NewKey,
            {"provider": "openai", "api_key": "sécret"},
            "'api_key' must be at most 1,024 characters of",
        ),
        (NewKey, {"provider": "openai", "api_key": "k", "label": " "}, f"'label' {NOT_BLANK}"),
        (NewSecrets, {"client_id": "c", "secrets": {}}, "'secrets' must be a JSON object of names and strings"),
        (NewSecrets, {"client_id": "c", "secrets": {"A B": "s3cret"}}, "name of a secret must be 1 to 64 characters"),
        (NewSecrets, {"client_id": "c", "secrets": {"A": "s3"}}, "The secret 'A' must be a string of 4 to 8192"),
    ],
)
def test_what_is_wrong_is_refused_with_what_would_be_right(kind, fields, refusal):
    with pytest.raises(BadRequest) as refused:
        validated(kind, fields)
    assert refusal in str(refused.value)
    assert "sécret" not in str(refused.value)


def test_what_is_right_is_taken_and_what_nobody_asked_for_is_left_out():
    fields = {"text": "é" * 32_000, "model": None, "user_state": {"a": 1, "pending_txs": {}}, "more": 1}
    assert validated(NewMessage, fields) == {"text": "é" * 32_000, "model": None, "user_state": {"a": 1}}


def test_a_provider_and_its_key_may_have_space_around_them():
    sent = validated(NewKey, {"provider": " OpenAI ", "api_key": "sk-1\n"})
    assert sent == {"provider": "openai", "api_key": "sk-1"}
