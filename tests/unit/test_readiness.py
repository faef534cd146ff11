"""What /readyz reports of this process; tests of real processes have the rest."""

from __future__ import annotations

import threading
import weakref
from types import SimpleNamespace

import pytest
from flask import Flask

from app import background
from app.api import health
from app.background import BackgroundLoop, Backoff
from app.web import error_handlers, readiness


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(background, "_loops", weakref.WeakSet())  # other tests' loops may have ended
    app = Flask("tests")
    app.extensions["aomi"] = SimpleNamespace(
        jobs=SimpleNamespace(workers=lambda: 1), write_check=SimpleNamespace(refusal=lambda: "")
    )
    app.register_blueprint(health.bp)
    error_handlers.register(app)
    readiness.register(app)
    return app.test_client()


def test_a_web_with_a_broken_loop_is_not_ready(client, monkeypatch):
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    loop = BackgroundLoop(lambda: {}["x"], Backoff("some loop", ()))
    loop.start()
    loop.join(5)
    refused = client.get("/readyz")
    loop.request_stop()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert refused.json["error"].endswith("its log says why: some loop")
    assert client.get("/readyz").status_code == 200
