"""aomi.yaml as it is written: read, checked, and where each entry is."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from app.catalog.apps import App
from app.catalog.compaction import Compaction
from app.catalog.examples import Example
from app.catalog.mcp_servers import McpServer
from app.catalog.models import Model
from app.catalog.webhooks import Webhook
from app.checks import entries, keys, mcp_servers, references, values, webhooks
from app.checks.problems import Problem, refuse, warnings
from app.checks.yaml_file import YamlFile
from app.errors import ConfigError
from app.model_params import ModelParams


class Content(BaseModel):
    model_config = ConfigDict(extra="ignore", protected_namespaces=())  # LiteLLM's other sections are ignored

    model_list: list[Model] = []
    apps: list[App] = []
    mcp_servers: dict[str, McpServer] = {}


def check(path: Path) -> None:
    """Raises `ConfigError` when the file is invalid in any environment."""
    read(path)


def read(path: Path) -> tuple[YamlFile, Content, list[str]]:
    """The file, its content, and warnings. Raises `ConfigError`."""
    file = YamlFile(path)
    if not isinstance(file.data, dict):
        raise ConfigError(f"{file.place()}: must have `model_list:` and `apps:`")
    file.data = mcp_servers.without_litellms(file.data)
    parts = {"params": ModelParams.model_fields, "compact": Compaction.model_fields, "webhook": Webhook.model_fields}
    parts["examples"] = Example.model_fields
    problems = [*keys.problems(file, App.model_fields, parts, McpServer.model_fields)]
    problems += [*references.problems(file), *values.problems(file), *mcp_servers.problems(file)]
    problems += webhooks.problems(file)
    content = None
    try:
        content = Content.model_validate(file.data)
        wrong_types = []
    except ValidationError as error:
        wrong_types = [part for part in error.errors() if part["type"] != "extra_forbidden"]  # `keys` has said those
    problems += [
        Problem(file.place(*part["loc"]), f"{keys.named(file.data, part['loc'])}: {part['msg']}")
        for part in wrong_types
    ]
    problems += [] if wrong_types else entries.problems(file)
    problems.sort(key=lambda problem: int(problem.place.rpartition(":")[2]))
    refuse(problems)
    assert content is not None
    return file, content, warnings(problems)


def places(file: YamlFile, content: Content) -> dict[tuple[str, ...], str]:
    """File and line of each model, by `("model", name)`, of each tool, by `("tool", app, name)`, and of each MCP
    server, by `("mcp_server", name)`."""
    found: dict[tuple[str, ...], str] = {}
    for index, model in enumerate(content.model_list):
        found["model", model.model_name] = file.place("model_list", index)
    for index, app in enumerate(content.apps):
        for tool_index, tool in enumerate(app.tools):
            found["tool", app.id, tool] = file.place("apps", index, "tools", tool_index)
    for name in content.mcp_servers:
        found["mcp_server", name] = file.place("mcp_servers", name)
    return found
