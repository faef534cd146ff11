"""What every request passes: the order is part of the behaviour."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Blueprint, Flask

from app import create_app
from app.config import Settings
from app.metrics.instruments import Metrics
from app.services import build
from app.state.accounts.rates import Exceeded
from app.web import hooks
from app.web.access import rate_limits, session_auth
from tests.support.moments import now

ROOT = Path(__file__).parents[2]
ORIGIN = "https://app.example"


class Rates:
    """Counts what it is asked, and refuses all of it."""

    def __init__(self):
        self.asked = 0

    def take(self, rates):
        self.asked += 1
        return Exceeded(rates[0], 7)


@pytest.fixture
def rates():
    return Rates()


@pytest.fixture
def client(rates):
    app = Flask("tests")
    settings = Settings(_env_file=None, cors_origins=ORIGIN, requests_per_minute_address=1)
    app.extensions["aomi"] = SimpleNamespace(settings=settings, rates=rates, metrics=Metrics(now))
    bp = Blueprint("some", __name__)
    bp.post("/some")(lambda: pytest.fail("the view was reached"))
    app.register_blueprint(bp)
    hooks.register(app)
    return app.test_client()


def test_hooks_run_in_the_documented_order(client):
    before = [hook.__module__.rpartition(".")[2] for hook in client.application.before_request_funcs[None]]
    assert before == [
        "request_ids",
        "access_log",
        "request_spans",
        "cors",
        "body_limit",
        "rate_limits",
        "users",
        "session_auth",
    ]
    after = [hook.__module__.rpartition(".")[2] for hook in client.application.after_request_funcs[None]]
    assert after == ["request_ids", "access_log", "request_spans", "security_headers", "cors"], "run in reverse"


def test_a_request_that_a_hook_refuses_is_named_logged_and_readable_by_the_page(client, caplog):
    with caplog.at_level(logging.INFO, "app.web.access_log"):
        refused = client.post("/some", headers={"Origin": ORIGIN, "X-Request-Id": "abc"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    assert refused.headers["X-Request-Id"] == "abc"
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert "POST /some 429" in caplog.text


def test_a_preflight_request_is_not_counted(client, rates):
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert client.options("/some", headers=headers).status_code == 204
    assert rates.asked == 0


def test_blueprints_and_endpoints_that_hooks_name_exist():
    """They are strings, which a rename would leave behind."""
    app = create_app(build(Settings(_env_file=None, config=ROOT / "aomi.yaml")))
    assert app.blueprints.keys() >= rate_limits.NOT_COUNTED | session_auth.WITHOUT_SESSION
    assert {rate_limits.STOP, "sessions.of_public_key"} <= app.view_functions.keys()
