"""What litellm sends where a client brings its own key: that key and no other credential of the machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import litellm
import pytest

from app import own_keys
from app.catalog import Catalog, Model
from app.config import Settings
from tests.support.patience import setting
from tests.support.servers import answer_json, serving
from workers.cancellation import CancelToken
from workers.models import warm_up
from workers.models.models import Models
from workers.models.prompt import Conversation
from workers.models.request import CallObserver, ModelRequest
from workers.turn import TurnFailed

OWN = "sk-own-0123456789-of-the-client"
MARK = "operators-"
NOT_SENT = frozenset(["OPENAI_ORGANIZATION", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"])
"""They name an account and open nothing."""

_NAME = re.compile(r"""["']([A-Z][A-Z0-9_]*_(?:KEY|TOKEN|SECRET|PASSWORD)(?:_[A-Z0-9_]*)?)["']""")


class Asked:
    """A server that refuses every request, and remembers it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: list[str] = []

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0)).decode()
        with self._lock:
            self.requests.append(json.dumps([request.path, dict(request.headers), body]))
        answer_json(request, 401, {"error": {"message": "no"}})


def names_of_credentials() -> set[str]:
    """Every variable of the environment that litellm may read a credential from."""
    package = Path(litellm.__file__).parent
    files = [package / "main.py", *package.glob("litellm_core_utils/*.py"), *package.glob("llms/**/*.py")]
    return {name for file in files for name in _NAME.findall(file.read_text("utf-8", "ignore"))} - NOT_SENT


def entry(provider: str, url: str, **params: str) -> Model:
    asked = {"model": f"{provider}/some-model", "api_base": url} | params
    return Model(model_name=provider, litellm_params=asked, model_info={"provider": provider, "byok": True})


@pytest.fixture(scope="module")
def asked() -> Asked:
    return Asked()


@pytest.fixture(scope="module")
def url(asked: Asked) -> Iterator[str]:
    with serving(asked.handle) as address:
        yield address


@pytest.fixture
def ask(asked: Asked, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Calls a model of a provider, with its entry's parameters and the client's keys; returns what was sent."""
    for name in names_of_credentials():
        monkeypatch.setenv(name, f"{MARK}{name}")
    monkeypatch.setattr(warm_up, "warm_up", lambda *_: None)
    running: list[Models] = []

    def call(provider: str, keys: dict[str, str], **params: str) -> str:
        settings = Settings(stall_timeout=float(setting(10)))
        models = Models(Catalog([], [entry(provider, url, **params)]), settings)
        running.append(models)
        models.start()
        messages = [{"id": "1", "role": "user", "content": "hi", "created_at": ""}]
        request = ModelRequest(provider, Conversation("", messages=messages), own_keys=keys)
        before = len(asked.requests)
        with pytest.raises(TurnFailed):
            models.stream(request, CallObserver(), CancelToken())
        (sent,) = asked.requests[before:]
        return sent

    yield call
    for models in running:
        models.stop()


QUICK = ["openai", "anthropic", "gemini"]
REST = sorted((own_keys.OPENED_BY_A_KEY | own_keys.SERVERS) - set(QUICK))
PROVIDERS = [*QUICK, *(pytest.param(name, marks=pytest.mark.exhaustive) for name in REST)]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_own_key_is_the_only_credential_that_is_sent(ask, provider: str) -> None:
    sent = ask(provider, {provider: OWN})
    assert OWN in sent
    assert MARK not in sent


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_address_gets_no_key_of_the_environment_that_was_not_given_for_it(ask, provider: str) -> None:
    if provider in own_keys.SERVERS:
        pytest.skip("its variable is for its server: it has no other address")
    assert MARK not in ask(provider, {})


def test_an_address_gets_the_key_that_is_given_for_it(ask) -> None:
    assert f"{MARK}OPENAI_API_KEY" in ask("openai", {}, api_key="os.environ/OPENAI_API_KEY")
