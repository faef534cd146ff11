"""Commands find the backend of the `aomi dev` in their folder while it runs, and what they were told comes first."""

from __future__ import annotations

import os

import pytest

from app.commands import dev_file

OTHER = "redis://127.0.0.1:1/0"
KNOWN = {"REDIS_URL": "redis://127.0.0.1:7777/0", "AOMI_URL": "http://127.0.0.1:8001"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder, and an environment that says nothing of a backend."""
    monkeypatch.chdir(tmp_path)
    for name in (*dev_file.REDIS, "AOMI_CONFIG", "AOMI_URL"):
        monkeypatch.setenv(name, "")  # so that it is restored at the end


def told():
    return {name: os.environ[name] for name in KNOWN}


def test_what_the_environment_lacks_comes_from_the_dev_that_runs():
    with dev_file.written() as file:
        dev_file.write(file, KNOWN)
        dev_file.join()
    assert told() == KNOWN


@pytest.mark.parametrize("name", dev_file.REDIS)
def test_a_redis_of_the_environment_comes_first(monkeypatch, name):
    monkeypatch.setenv(name, OTHER)
    with dev_file.written() as file:
        dev_file.write(file, KNOWN | {"REDIS_URL_FILE": "/run/redis"})
        dev_file.join()
    assert {name: os.environ[name] for name in dev_file.REDIS if os.environ[name]} == {name: OTHER}
    assert os.environ["AOMI_URL"] == KNOWN["AOMI_URL"]


def test_a_file_that_was_left_behind_says_nothing():
    with dev_file.written() as file:
        dev_file.write(file, KNOWN)
        left = dev_file.FILE.read_text()
    dev_file.FILE.write_text(left)
    dev_file.join()
    assert not any(told().values())


def test_only_one_dev_has_the_file_and_nobody_else_may_read_it():
    with dev_file.written() as file:
        dev_file.write(file, KNOWN)
        assert dev_file.FILE.stat().st_mode & 0o077 == 0
        with pytest.raises(dev_file.Running, match="8001"), dev_file.written():
            pass
    with dev_file.written():
        pass
