"""The formats that a model takes, by litellm's knowledge and the operator's word."""

from __future__ import annotations

import pytest

from app.catalog import Model
from workers.models.formats import formats_of

BOTH = {"json_object", "json_schema"}


@pytest.mark.parametrize(
    ("model", "formats"),
    [
        ("openai/gpt-4o", BOTH),
        ("openai/responses/gpt-5", BOTH),
        ("openai/gpt-4", set()),
        ("openai/gpt-3.5-turbo", {"json_object"}),
        ("openai/a-server-of-my-own", BOTH),
        ("azure/gpt-4o", BOTH),
        ("anthropic/claude-sonnet-4-5", BOTH),
        ("gemini/gemini-2.5-flash", BOTH),
        ("groq/llama-3.3-70b-versatile", BOTH),
        ("ollama_chat/llama-3.1", BOTH),
        ("demo/assistant", set()),
    ],
)
def test_litellm_knows_what_a_model_takes(model, formats):
    assert formats_of(Model(model_name="m", litellm_params={"model": model})) == formats


def test_the_operator_may_know_better():
    told = {"supports_response_schema": False}
    own = Model(model_name="m", litellm_params={"model": "openai/a-server-of-my-own"}, model_info=told)
    dropped = {"model": "openai/gpt-4o", "additional_drop_params": ["response_format"]}
    assert formats_of(own) == {"json_object"}
    assert formats_of(Model(model_name="m", litellm_params=dropped)) == set()
