"""Warnings: what starts, and will not do what was meant."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app import catalog
from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from workers.check import budgets
from workers.models import providers


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads the models of an aomi.yaml, given as `model: ...` parameters by name, for the app `shop`."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)

    def load(**models):
        entries = [f"  - {{model_name: {name}, litellm_params: {{{params}}}}}\n" for name, params in models.items()]
        path = tmp_path / "aomi.yaml"
        path.write_text(f"model_list:\n{''.join(entries)}apps: [{{id: shop, model: {next(iter(models))}}}]\n")
        return catalog.load(path, {})

    return load


def said(loaded):
    return [(str(problem).rpartition("aomi.yaml")[2], problem.refused) for problem in providers.problems(loaded)]


def test_a_model_without_any_key_is_a_warning(load):
    loaded = load(claude="model: anthropic/claude-sonnet-4-5")
    (warning,) = said(loaded)
    assert warning == (
        ":2: model 'claude': has no api_key, and ANTHROPIC_API_KEY is not set: each call will fail",
        False,
    )


def test_a_server_of_ones_own_that_would_get_the_key_of_openai_is_a_warning(load):
    loaded = load(own="model: openai/x, api_base: 'http://127.0.0.1:8000/v1'")
    ((warning, refused),) = said(loaded)
    assert "no key is sent to its api_base; write api_key: os.environ/NAME" in warning
    assert not refused


@pytest.mark.parametrize(
    "params",
    [
        "model: ollama_chat/llama3.1",
        "model: bedrock/anthropic.claude-3-haiku-20240307-v1:0",
        "model: openai/x, api_base: 'http://127.0.0.1:8000/v1', api_key: none",
        "model: hosted_vllm/x, api_base: 'http://127.0.0.1:8000/v1'",
        "model: my-model, custom_llm_provider: openai, api_key: x",
        "model: demo/assistant",
        "model: gpt-4o, api_key: x",
        "model: openai/responses/gpt-5, api_key: x",
        "model: azure/my-deployment, api_base: 'https://x.openai.azure.com', api_key: x",
    ],
)
def test_nothing_is_said_of_a_model_that_litellm_can_ask(load, params):
    assert said(load(m=params)) == []


def test_a_budget_over_a_model_without_prices_is_a_warning(load, redis, redis_url):
    settings = Settings(redis_url=redis_url)
    keys = ApiKeys(Store(redis, settings))
    limited = keys.issue(("shop",), "doubts", budget=Decimal(5))
    key = keys.find(limited)
    loaded = load(local="model: ollama_chat/llama3.1", unused="model: openai/unknown, api_key: x")
    told = [line for line in budgets.warnings(settings, loaded) if key.id in line]
    assert [line.rpartition("aomi.yaml")[2] for line in told] == [
        f":2: model 'local' has no price, so the budget of the API key {key.id} does not count it; "
        "set input_cost_per_token and output_cost_per_token"
    ]
    keys.revoke(key)


def test_without_a_redis_nothing_is_said_of_budgets(load):
    settings = Settings(redis_url="redis://127.0.0.1:9/0")
    assert list(budgets.warnings(settings, load(local="model: ollama_chat/llama3.1"))) == []
