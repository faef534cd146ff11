"""What LiteLLM takes in an entry of `model_list` is no misspelling to us."""

from __future__ import annotations

import inspect

import litellm
import pytest
import yaml
from litellm.types.mcp_server.mcp_server_manager import MCPServer
from litellm.types.router import LiteLLM_Params, ModelInfo
from litellm.types.utils import all_litellm_params

from app import catalog
from app.checks import keys
from app.errors import ConfigError

CONFIGURED = {
    name
    for config in vars(litellm).values()
    if inspect.isclass(config) and config.__name__.endswith("Config")
    for name in inspect.signature(config.__init__).parameters
}
OPENAI = litellm.constants.DEFAULT_CHAT_COMPLETION_PARAM_VALUES
OTHERS = ("top_a", "min_p", "top_n", "length_penalty", "stop_token_ids", "guided_json", "chat_template_kwargs", "seeds")
PARAMS = {*LiteLLM_Params.model_fields, *all_litellm_params, *CONFIGURED, *OPENAI, *OTHERS} - {"model"}


def test_no_parameter_of_litellm_is_refused(tmp_path):
    params = dict.fromkeys(sorted(PARAMS), None) | {"model": "openai/x"}
    for part, names in (("litellm_params", params), ("model_info", dict.fromkeys(ModelInfo.model_fields))):
        entry = {"model_name": "m", "litellm_params": {"model": "openai/x"}} | {part: names}
        (tmp_path / "aomi.yaml").write_text(yaml.safe_dump({"model_list": [entry]}))
        catalog.check(tmp_path / "aomi.yaml")


@pytest.mark.parametrize("name", [name for name in keys.PARAMS_TO_SPELL if name != "model"])
def test_a_parameter_with_a_letter_too_many_is_refused(name, tmp_path):
    params = {"model": "openai/x", f"{name}s": None}
    entry = {"model_name": "m", "litellm_params": params}
    (tmp_path / "aomi.yaml").write_text(yaml.safe_dump({"model_list": [entry]}))
    with pytest.raises(ConfigError, match=f"{name}s: there is no such key; did you mean '{name}'"):
        catalog.check(tmp_path / "aomi.yaml")


def test_the_sections_of_litellms_proxy_may_stay(tmp_path):
    sections = {section: {"x": 1} for section in keys.LITELLM_SECTIONS}
    models = {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/x"}}]}
    (tmp_path / "aomi.yaml").write_text(yaml.safe_dump(sections | models))
    assert catalog.load(tmp_path / "aomi.yaml", {}).notices == ()


def test_mcp_servers_of_litellms_proxy_may_stay_unless_an_app_names_them(tmp_path):
    server = dict.fromkeys(MCPServer.model_fields, None) | {"url": "https://files.example/sse", "transport": "sse"}
    models = {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/x"}}]}
    (tmp_path / "aomi.yaml").write_text(yaml.safe_dump(models | {"mcp_servers": {"github_mcp": server}}))
    assert not catalog.load(tmp_path / "aomi.yaml", {}).mcp_servers
    apps = {"apps": [{"id": "a", "model": "m", "tools": ["mcp:github_mcp/*"]}]}
    (tmp_path / "aomi.yaml").write_text(yaml.safe_dump(models | apps | {"mcp_servers": {"github_mcp": server}}))
    with pytest.raises(ConfigError, match=r"github_mcp.*static_headers: there is no such key; did you mean 'headers'"):
        catalog.check(tmp_path / "aomi.yaml")
