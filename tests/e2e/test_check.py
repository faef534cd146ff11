"""What is wrong before anything starts: `aomi check` says it, and web, worker and `aomi dev` refuse it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.backend import Process, free_port
from tests.support.patience import until
from tests.support.servers import Fail, Provider, serving

MODELS = "model_list:\n  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_key: x}}\n"
AOMI = str(Path(sys.executable).with_name("aomi"))
WEB = [sys.executable, "-m", "gunicorn", "-c", "python:app.serving", "app:create_app()"]
CHECK = [sys.executable, "-m", "workers.check"]
WORKER = [sys.executable, "-m", "workers"]


@pytest.fixture
def environment():
    """Of a machine without settings and keys, where no Redis runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AOMI_", "OPENAI"))}
    return kept | {"PORT": str(free_port()), "HOST": "127.0.0.1", "REDIS_URL": "redis://127.0.0.1:9/0"}


@pytest.fixture
def run(tmp_path, environment):
    """Runs `aomi` in a project outside the clone; returns the finished process."""

    def run(*arguments, text, **variables):
        (tmp_path / "aomi.yaml").write_text(text)
        return processes.run([AOMI, *arguments], cwd=tmp_path, env=environment | variables)

    return run


@pytest.fixture
def start(tmp_path, environment):
    """Starts web or worker with this aomi.yaml."""

    def start(command, text, **variables):
        (tmp_path / "aomi.yaml").write_text(text)
        settings = environment | {"AOMI_CONFIG": str(tmp_path / "aomi.yaml")} | variables
        return Process(command, settings, tmp_path / f"{len([*tmp_path.iterdir()])}.log")

    return start


def test_all_that_is_wrong_is_said_at_once(start):
    text = MODELS + "  - {model_name: b, litellm_params: {model: antropic/x, api_key: x}}\n"
    text += "apps:\n  - {id: shop, model: gpt, tools: ['nowhere:Buy', GetTokenPrise]}\n"
    process = start(CHECK, text, AOMI_CORS_ORIGIN="*", AOMI_GRACE="-1")
    assert process.wait() == 2
    lines = [re.sub(r"^/\S+/aomi", "aomi", line) for line in process.log().splitlines()]
    said = [
        "AOMI_CORS_ORIGIN: there is no such setting; did you mean AOMI_CORS_ORIGINS?",
        "AOMI_GRACE: Input should be greater than or equal to 0",
        "aomi.yaml:5: app 'shop': the tool 'nowhere:Buy' cannot be imported: No module named 'nowhere'; put its file ",
        "aomi.yaml:5: app 'shop': there is no tool 'GetTokenPrise', did you mean 'GetTokenPrice'?",
        "aomi.yaml:3: model 'b': LiteLLM has no provider 'antropic', did you mean 'anthropic'?",
    ]
    assert len(lines) == len(said), lines
    for line, words in zip(lines, said, strict=True):
        assert line.startswith(words)


def test_a_model_that_does_not_reply_is_named_when_it_is_called(start):
    provider = Provider()
    provider.script("Reply with the word: ok", [Fail(401, {"error": {"message": "no", "code": "invalid_api_key"}})])
    good = Provider()
    with serving(provider.handle) as refuses, serving(good.handle) as replies:
        entries = [("gpt", refuses), ("local", replies)]
        text = "model_list:\n" + "".join(
            f"  - {{model_name: {name}, litellm_params: {{model: openai/x, api_key: x, api_base: '{url}/v1'}}}}\n"
            for name, url in entries
        )
        process = start([*CHECK, "--call"], text)
        assert process.wait() == 1
    (line,) = [line for line in process.log().splitlines() if "does not reply" in line]
    assert "aomi.yaml:2: model 'gpt' does not reply: HTTP 401: The model's provider did not accept the API key" in line
    assert "invalid_api_key" in process.log()
    assert len(good.requests("Reply with the word: ok")) == 1


@pytest.mark.exhaustive
def test_a_project_without_mistakes_passes(run):
    ran = run("check", text="model_list:\n  - {model_name: demo, litellm_params: {model: demo/assistant}}\n")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "Nothing is refused; usable models: 1, apps: 1.")


REFUSED = {
    "file": (
        MODELS + "apps: [{id: shop, model: gtp}]",
        {},
        "aomi.yaml:3: apps[0] (id 'shop'): there is no model 'gtp'",
    ),
    "setting": (MODELS, {"AOMI_LEASES": "5"}, "AOMI_LEASES: there is no such setting; did you mean AOMI_LEASE?"),
    "no file": (MODELS, {"AOMI_CONFIG": "apps.yaml"}, "apps.yaml: there is no such file in /"),
}


@pytest.mark.long
@pytest.mark.parametrize(("text", "variables", "said"), REFUSED.values(), ids=REFUSED)
def test_web_and_worker_refuse_to_start_with_one_line_and_a_code(start, text, variables, said):
    for name, command, code in (("web", WEB, 4), ("worker", WORKER, 2)):
        process = start(command, text, **variables)
        assert process.wait() == code
        (line,) = [line for line in process.log().splitlines() if line.startswith("aomi ")]
        assert line.startswith(f"aomi {name}: ")
        assert said in line
        assert "Traceback" not in process.log()


def test_a_worker_refuses_tools_and_providers_that_only_workers_load(start):
    process = start(WORKER, MODELS + "apps: [{id: shop, model: gpt, tools: ['nowhere:Buy']}]\n")
    assert process.wait() == 2
    assert "aomi.yaml:3: app 'shop': the tool 'nowhere:Buy' cannot be imported: No module" in process.log()
    process = start(WORKER, MODELS.replace("openai/", "opnai/"))
    assert process.wait() == 2
    assert "aomi.yaml:2: model 'gpt': LiteLLM has no provider 'opnai', did you mean 'openai'?" in process.log()


def test_a_web_process_refuses_a_port_that_is_none(start):
    process = start(WEB, MODELS, PORT="http")
    assert process.wait() == 2
    assert process.log() == "aomi web: PORT: must be a whole number, not 'http'\n"


def test_dev_checks_first_and_starts_nothing(run, tmp_path):
    ran = run("dev", text=MODELS + "apps: [{id: shop, model: gpt, tolls: []}]")
    assert ran.returncode == 2
    assert ran.stdout.startswith("aomi.yaml:3: apps[0] (id 'shop').tolls: there is no such key; did you mean 'tools'?")
    assert len(ran.stdout.splitlines()) == 1
    assert not (tmp_path / ".aomi").exists()


def test_a_web_process_logs_the_warnings_and_starts(start):
    process = start(WEB, MODELS, AOMI_SHOP_TOKEN="x")
    try:
        until(lambda: "AOMI_SHOP_TOKEN: there is no such setting" in process.log(), what="the warning")
        assert process.alive
    finally:
        process.stop()
