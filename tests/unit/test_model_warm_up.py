"""The first call of each route is made before the first job: all of litellm's code for it has run once."""

from __future__ import annotations

import os

import pytest
import yaml

from app import catalog
from tests.models import stack
from tests.models.cases_file import WIRES
from tests.support.servers import answer_json, serving
from workers.loop_thread import LoopThread
from workers.models import litellm_setup, warm_up


@pytest.fixture
def models(tmp_path):
    """A catalog with a model of each scripted provider."""
    path = tmp_path / "aomi.yaml"
    path.write_text(yaml.safe_dump(stack.configuration("http://127.0.0.1:9")))
    return catalog.load(path, os.environ).models


def test_a_request_leaves_on_every_route_of_the_catalog(models, monkeypatch):
    asked = []

    def refuse(request):
        asked.append(request.path)
        request.rfile.read(int(request.headers.get("Content-Length") or 0))
        answer_json(request, 400, {"error": {"message": "no"}})

    litellm_setup.configure()
    loop = LoopThread("warm")
    loop.start()
    with serving(refuse) as url:
        monkeypatch.setattr(warm_up, "NOBODY", url)
        warm_up.warm_up(loop, models)
    loop.stop()
    wires = {"openai": "/chat/completions", "responses": "/responses", "azure": "/deployments/"}
    wires |= {"anthropic": "/v1/messages", "gemini": ":streamGenerateContent", "ollama": "/api/chat"}
    assert wires.keys() == set(WIRES.values())
    assert [wire for wire, path in wires.items() if not any(path in one for one in asked)] == []
