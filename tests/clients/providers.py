"""The providers that aimock simulates, as models of an aomi.yaml."""

from __future__ import annotations

from typing import Any

GEMINI = "gemini-2.5-flash"
BEDROCK = "bedrock/converse/anthropic.claude-3-5-sonnet-20240620-v1:0"


def models(url: str) -> dict[str, dict[str, Any]]:
    """`litellm_params` of each provider, by its name."""
    aws = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "aws_region_name": "us-east-1"}
    found: dict[str, dict[str, Any]] = {
        "openai": {"model": "openai/gpt-4o", "api_base": f"{url}/v1"},
        "responses": {"model": "openai/responses/gpt-4o", "api_base": f"{url}/v1"},
        "anthropic": {"model": "anthropic/claude-sonnet-4-5", "api_base": url},
        "azure": {"model": "azure/gpt-4o", "api_base": url, "api_version": "2024-10-21"},
        "gemini": {"model": f"gemini/{GEMINI}", "api_base": f"{url}/v1beta"},
        "ollama": {"model": "ollama_chat/llama3.1", "api_base": url},
        "openrouter": {"model": "openrouter/openai/gpt-4o", "api_base": f"{url}/api/v1"},
        "bedrock": {"model": BEDROCK, "aws_bedrock_runtime_endpoint": url, **aws},
        "groq": {"model": "groq/llama-3.3-70b-versatile", "api_base": f"{url}/openai/v1"},
        "mistral": {"model": "mistral/mistral-large-latest", "api_base": f"{url}/v1"},
        "deepseek": {"model": "deepseek/deepseek-chat", "api_base": f"{url}/v1"},
    }
    keyless = ("bedrock",)
    return {name: params | ({} if name in keyless else {"api_key": "sk-none"}) for name, params in found.items()}


PATHS = {
    "openai": "/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "azure": "/openai/deployments/gpt-4o/chat/completions",
    "gemini": f"/v1beta/models/{GEMINI}:streamGenerateContent",
    "ollama": "/api/chat",
    "openrouter": "/api/v1/chat/completions",
    "bedrock": "/converse-stream",
    "groq": "/openai/v1/chat/completions",
    "mistral": "/v1/chat/completions",
    "deepseek": "/v1/chat/completions",
}
"""A part of the address that each is asked at."""
