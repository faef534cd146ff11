"""docs/apps.md: its tables are those of the code, and its project is checked, tested and called as it says."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from app import catalog
from app.commands import file_keys
from app.config import Settings
from tests.support import processes
from tests.support.servers import Provider, serving
from tests.test_docs import APPS, blocks
from workers.cancellation import CancelToken
from workers.check import findings
from workers.models.models import Models
from workers.models.prompt import Conversation
from workers.models.request import CallObserver, ModelRequest
from workers.tools import of_apps

BIN = str(Path(sys.executable).parent)
YAML = [content for language, content in blocks(APPS) if language == "yaml"]
PYTHON = [content for language, content in blocks(APPS) if language == "python"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The page's project, in a folder of its own."""
    for content in PYTHON:
        (tmp_path / re.match(r"# (\w+\.py)", content)[1]).write_text(content)
    (text,) = [content for content in YAML if "shop:Order" in content]
    (tmp_path / "aomi.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    for name in [name for name in os.environ if name.startswith("AOMI_")]:
        monkeypatch.delenv(name)
    return tmp_path


def run(command: str) -> tuple[int, str]:
    """A command of the page: its exit code, and what it prints."""
    environment = dict(os.environ) | {"REDIS_URL": "redis://127.0.0.1:9/0"}
    ran = processes.run(["bash", "-c", command.replace("~/aomi-backend/.venv/bin", BIN)], env=environment)
    return ran.returncode, ran.stdout


@pytest.mark.parametrize("name", file_keys.tables())
def test_every_key_is_in_the_tables_of_the_page(name):
    shown = APPS.read_text().split(f"<!-- {name} -->\n")[1].split(f"\n<!-- /{name} -->")[0]
    assert shown == file_keys.tables()[name], "put the output of `aomi settings --file` between the markers"


@pytest.mark.parametrize("text", YAML)
def test_nothing_is_said_of_a_file_of_the_page(text, tmp_path):
    (tmp_path / "aomi.yaml").write_text(text)
    assert catalog.load(tmp_path / "aomi.yaml", {"OPENAI_API_KEY": "sk-x"}).notices == ()


def test_the_project_passes_the_check(project):
    found, _, usable = findings.find(with_models=False)
    assert (found.refused, found.warnings) == ([], [])
    assert len(of_apps.load_all(usable)["shop"]) == YAML[-1].count("      - ")


def test_the_tests_of_the_tools_pass_without_a_server(project):
    (command,) = [content for language, content in blocks(APPS) if language == "sh" and "pytest" in content]
    code, printed = run(command)
    assert code == 0, printed
    assert f"{PYTHON[1].count('def test_')} passed" in printed


def test_a_check_prints_what_the_page_says(project):
    (text,) = [content for language, content in blocks(APPS) if language == "text" and "tolls: [" in content]
    (said,) = [content for language, content in blocks(APPS) if language == "text" and content.startswith("aomi.yaml:")]
    (project / "aomi.yaml").write_text(text)
    (command,) = [code for _, code in blocks(APPS) if code.strip().endswith("aomi check") and "\n" not in code.strip()]
    assert run(command) == (2, said)


def test_the_parameters_of_the_page_reach_the_provider(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    (text,) = [content for content in YAML if "tool_choice: auto" in content]
    provider = Provider()
    with serving(provider.handle) as url:
        (tmp_path / "aomi.yaml").write_text(
            text.replace("{model: openai/gpt-4o,", f"{{model: openai/x, api_base: '{url}/v1',")
        )
        loaded = catalog.load(tmp_path / "aomi.yaml", {"OPENAI_API_KEY": "sk-x"})
        models = Models(loaded, Settings())
        models.start()
        try:
            conversation = Conversation("", messages=[{"role": "user", "content": "hello"}])
            params = loaded.app("default").params
            models.stream(ModelRequest("gpt-4o", conversation, params=params), CallObserver(), CancelToken())
        finally:
            models.stop()
    body = provider.seen[0].body
    said = {name: body.get(name) for name in ("temperature", "max_tokens", "stop")}
    assert said == {"temperature": 0.2, "max_tokens": 2000, "stop": ["END"]}
