"""For which entries of aomi.yaml a client's own key is used, and what is sent to an address of the operator's."""

from __future__ import annotations

import pytest

from app.catalog import Model

BASE = "https://models.example.com/v1"
KEY = "os.environ/OPENAI_API_KEY"

TAKES = [
    {"model": "openai/gpt-4o"},
    {"model": "gpt-4o", "temperature": 0.5, "input_cost_per_token": "3e-6", "output_cost_per_token": "3e-6"},
    {"model": "claude-sonnet-4-5", "api_key": "os.environ/ANTHROPIC_API_KEY"},
    {"model": "any", "custom_llm_provider": "openai", "api_base": BASE, "api_key": KEY},
    {"model": "openrouter/openai/gpt-4o", "extra_headers": {"HTTP-Referer": "https://example.com", "X-Title": "x"}},
    {"model": "openai/gpt-4o", "api_base": BASE, "api_key": KEY, "timeout": 60, "max_tokens": 100},
    {"model": "hosted_vllm/qwen", "api_base": BASE, "api_key": KEY},
]

TAKES_NONE = [
    {"model": "vertex_ai/gemini-2.5-pro", "vertex_project": "p", "vertex_location": "us-central1"},
    {"model": "vertex_ai/gemini-2.5-pro", "api_key": KEY},
    {"model": "gemini-2.5-pro"},
    {"model": "bedrock/anthropic.claude-3-haiku-20240307-v1:0", "aws_region_name": "us-east-1"},
    {"model": "anthropic.claude-3-haiku-20240307-v1:0"},
    {"model": "azure/gpt-4o", "api_base": BASE, "azure_ad_token": "os.environ/AZURE_AD_TOKEN"},
    {"model": "azure/gpt-4o", "api_base": BASE, "api_key": KEY},
    {"model": "watsonx/x"},
    {"model": "openai/gpt-4o", "azure_ad_token": "token"},
    {"model": "openai/gpt-4o", "api_base": BASE, "api_key": KEY, "extra_headers": {"X-Gateway-Token": "t"}},
    {"model": "openai/gpt-4o", "api_base": BASE, "api_key": KEY, "headers": {"Authorization": "Bearer t"}},
    {"model": "openai/gpt-4o", "extra_body": {"token": "t"}},
    {"model": "openai/gpt-4o", "organization": "org-operator"},
    {"model": "openai/gpt-4o", "service_tier": "os.environ/HIDDEN_HERE"},
    {"model": "openai/gpt-4o", "a_name_that_litellm_learns_tomorrow": "x"},
    {"model": "openai/gpt-4o", "api_base": "https://user:password@models.example.com/v1", "api_key": KEY},
    {"model": "openai/gpt-4o", "api_base": f"{BASE}?token=t", "api_key": KEY},
    {"model": "openai/local", "api_base": BASE},
    {"model": "openai/local", "base_url": BASE, "api_key": "none"},
    {"model": "ollama_chat/llama3.1"},
    {"model": "demo/assistant"},
    {"model": "custom/x", "custom_llm_provider": "vertex_ai"},
]


def model(params, **info):
    return Model(model_name="m", litellm_params=params, model_info={"provider": "mine"} | info)


@pytest.mark.parametrize("params", TAKES, ids=str)
def test_an_own_key_is_used_where_it_is_all_that_is_sent(params):
    assert model(params).own_key({"mine": "sk-own"}) == "sk-own"
    assert model(params).own_key({"other": "sk-own"}) is None


@pytest.mark.parametrize("params", TAKES_NONE, ids=str)
def test_elsewhere_none_is_used(params):
    assert model(params).own_key({"mine": "sk-own"}) is None
    assert model(params).own_key_refusal


def test_the_operator_may_say_that_clients_bring_the_key_of_a_server():
    assert model({"model": "openai/local", "api_base": BASE}, byok=True).own_key({"mine": "sk-own"}) == "sk-own"
    assert model({"model": "vertex_ai/x", "api_base": BASE}, byok=True).own_key({"mine": "sk-own"}) is None


def test_an_address_of_the_operators_gets_no_key_that_was_not_given_for_it():
    environment = {"OPENAI_API_KEY": "sk-it"}
    assert model({"model": "openai/x", "api_base": BASE}).params(environment)["api_key"] == "none"
    assert model({"model": "openai/x", "base_url": BASE, "api_key": ""}).params(environment)["api_key"] == "none"
    assert model({"model": "openai/x", "api_base": BASE, "api_key": KEY}).params(environment)["api_key"] == "sk-it"
    assert "api_key" not in model({"model": "openai/x"}).params(environment)
    assert "api_key" not in model({"model": "azure/x", "api_base": BASE}).params(environment)


@pytest.mark.parametrize(
    ("name", "model_name"),
    [
        ("OPENAI_BASE_URL", "openai/x"),
        ("OPENAI_API_BASE", "gpt-4o"),
        ("OPENAI_BASE_URL", "ai21/x"),
        ("ANTHROPIC_BASE_URL", "claude-sonnet-4-5"),
        ("FRIENDLI_API_BASE", "friendliai/x"),
        ("LLAMA_API_BASE", "meta_llama/x"),
        ("MISTRAL_AZURE_API_BASE", "mistral/x"),
        ("VERCEL_AI_GATEWAY_API_BASE", "vercel_ai_gateway/x"),
    ],
)
def test_an_address_in_the_environment_is_the_operators_too(monkeypatch, name, model_name):
    monkeypatch.setenv(name, BASE)
    monkeypatch.setenv("ANY_KEY", "sk-of-the-operator-0123456789")
    assert model({"model": model_name}).own_key_refusal == "the operator's server asks for no key"
    assert not model({"model": "groq/x"}).own_key_refusal
    assert not model({"model": model_name, "api_key": "os.environ/ANY_KEY"}).own_key_refusal


def test_a_word_in_a_variable_is_no_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    assert model({"model": "openai/x", "api_base": BASE, "api_key": KEY}).own_key_refusal
