"""The backend with all providers as its models: Redis, web and worker, in one of the two stream modes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.models.cases_file import WIRES
from tests.models.journal import Journal
from tests.support import commands
from tests.support.backend import Backend, Process, redis_running
from tests.support.patience import setting

MODES = {"inner": {}, "wrapper": {"AOMI_LITELLM_STREAM": "wrapper", "AOMI_LOG_CONTENT": "1"}}
"""What to set for each mode; the first is the default. The other one also logs what providers say."""

EACH_MODE = pytest.mark.parametrize(
    "mode", [pytest.param(mode, marks=[pytest.mark.long] if settings else []) for mode, settings in MODES.items()]
)
"""The mode that is no default takes as long again: CI runs it."""

TOOLS = [f"tests.models.tools:{name}" for name in ("Price", "Now", "Echo", "Opt", "Boom", "Sorry", "Slow")]
PARAMS = {"temperature": 1, "max_tokens": 2048, "reasoning_effort": "low", "tool_choice": "required"}
"""Of the app `tuned`: over the models' own (`anthropic-thinking` has a `max_tokens` and `thinking`)."""
SCHEMA = {"type": "object", "properties": {"hello": {"type": "string"}}, "required": ["hello"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "greeting", "schema": SCHEMA}}
KEY = "sk-proj-0123456789abcdefghijklmnopqrstuv"
SETTINGS = {
    "AOMI_PROVIDER_RETRIES": "1",
    "AOMI_RETRY_PAUSE": "0.2",
    "AOMI_STALL_TIMEOUT": setting(20),
    "AOMI_LEASE": setting(10),
}


@dataclass
class Stack:
    """A running backend; `key` is an API key for all its apps, `journal` has what the scripted providers saw."""

    backend: Backend
    worker: Process
    url: str
    key: str
    journal: Journal

    def replace_worker(self) -> None:
        """Put another worker in the place of the one that ran."""
        self.worker = self.backend.worker()


def models(url: str) -> dict[str, dict[str, Any]]:
    """`litellm_params` of each provider, by its name."""
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096}
    gemini = {name: f"gemini-{name}" for name in ("2.5-flash", "3-pro-preview")}
    found = {
        "openai": {"model": "openai/gpt-4o", "api_base": "v1"},
        "responses": {
            "model": "openai/responses/gpt-5",
            "api_base": "v1",
            "include": ["reasoning.encrypted_content"],
        },
        "openrouter": {"model": "openrouter/openai/gpt-4o", "api_base": "api/v1"},
        "openai-alternating": {"model": "openai/gemma-3", "api_base": "v1"},
        "vllm-alternating": {"model": "hosted_vllm/gemma-3", "api_base": "v1"},
        "deepseek": {"model": "deepseek/deepseek-chat", "api_base": "beta"},
        "deepseek-reasoner": {"model": "deepseek/deepseek-reasoner", "api_base": "beta"},
        "mistral": {"model": "mistral/mistral-large-latest", "api_base": "v1"},
        "groq": {"model": "groq/llama-3.3-70b-versatile", "api_base": "openai/v1"},
        "azure": {"model": "azure/gpt-4o", "api_base": "", "api_version": "2024-10-21"},
        "anthropic": {"model": "anthropic/claude-sonnet-4-5", "api_base": ""},
        "anthropic-thinking": {"model": "anthropic/claude-sonnet-4-5", "api_base": "", **thinking},
        "gemini": {"model": f"gemini/{gemini['2.5-flash']}", "api_base": f"v1beta/models/{gemini['2.5-flash']}"},
        "gemini-3": {
            "model": f"gemini/{gemini['3-pro-preview']}",
            "api_base": f"v1beta/models/{gemini['3-pro-preview']}",
        },
        "ollama": {"model": "ollama_chat/llama-3.1", "api_base": ""},
    }
    assert found.keys() == WIRES.keys()
    return {
        name: params | {"api_base": f"{url}/{name}/{params['api_base']}".rstrip("/"), "api_key": KEY}
        for name, params in found.items()
    }


def configuration(url: str) -> dict[str, Any]:
    """An aomi.yaml: a model for each provider, an app with the tools, one without, one with parameters, one that falls
    back to Gemini 3."""
    known = models(url)
    app = {"models": list(known), "model": "openai"}
    return {
        "model_list": [{"model_name": name, "litellm_params": params} for name, params in known.items()],
        "apps": [
            app | {"id": "cases", "name": "Cases", "preamble": "Be brief.", "tools": TOOLS},
            app | {"id": "bare", "name": "Without tools"},
            app | {"id": "tuned", "name": "With parameters", "tools": TOOLS, "params": PARAMS},
            app | {"id": "formatted", "name": "With a format", "params": {"response_format": FORMAT}},
            app | {"id": "fallback", "name": "With a fallback", "tools": TOOLS, "fallbacks": ["gemini-3"]},
        ],
    }


@contextmanager
def running(folder: Path, content: dict[str, Any], mode: str, journal: Journal, **more: str) -> Iterator[Stack]:
    """A backend in this mode with this aomi.yaml, and `more` in its environment; its processes end with it."""
    config = folder / "aomi.yaml"
    config.write_text(yaml.safe_dump(content))
    with redis_running(folder) as redis_url:
        backend = Backend(folder, redis_url, {"AOMI_CONFIG": str(config), **SETTINGS, **MODES[mode], **more})
        try:
            worker = backend.begin_worker()
            _, address = backend.web()
            backend.await_worker(worker)
            yield Stack(backend, worker, address, _new_key(backend), journal)
        finally:
            backend.stop()


class Stacks(dict[str, Stack]):
    """A backend in each mode; each starts when it is first asked for."""

    def __init__(self, start: Callable[[str], Stack]) -> None:
        super().__init__()
        self._start = start

    def __missing__(self, mode: str) -> Stack:
        self[mode] = self._start(mode)
        return self[mode]


@contextmanager
def in_both_modes(
    folders: pytest.TempPathFactory, content: dict[str, Any], journal: Journal, **more: str
) -> Iterator[Stacks]:
    """The backends that are asked for, each in a folder of its own; they end with it."""
    with ExitStack() as opened:
        yield Stacks(lambda mode: opened.enter_context(running(folders.mktemp(mode), content, mode, journal, **more)))


def _new_key(backend: Backend) -> str:
    made = commands.aomi("keys", "create", "--app", "*", environment=backend.environment)
    assert made.returncode == 0, made.stderr
    return made.stdout.splitlines()[-1]
