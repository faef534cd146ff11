"""A master with a replica, watched by Sentinels."""

from __future__ import annotations

import signal
import threading

import pytest

from app.config import Settings
from app.state.connection import clients
from tests.engines.failing import turns_outlive
from tests.support.backend import until
from tests.support.client import kinds
from tests.support.engines import Watched, stopped_at_last


@pytest.fixture(scope="module")
def watched(program, site, tmp_path_factory):
    with (
        stopped_at_last(Watched(program, tmp_path_factory.mktemp("sentinel"))) as servers,
        site(servers, REDIS_URL=servers.url) as running,
    ):
        yield running


def test_a_turn_runs_on_the_master_that_the_sentinels_name(watched):
    client = watched.client()
    assert kinds(client.ask("remember 1")) == ["text", "complete"]
    assert watched.servers.master.admin.exists(f"session:{{{client.session_id}}}")


@pytest.fixture
def waiting(watched):
    """What a command has got that is under way until somebody fills a list."""
    client = clients.commands(Settings(REDIS_URL=watched.servers.url), retry_forever=True, timeout=30)
    found = []
    threading.Thread(target=lambda: found.append(client.blpop("filled", 0)), daemon=True).start()
    until(lambda: watched.servers.master.admin.info("clients")["blocked_clients"])
    return found


def test_turns_outlive_the_death_of_their_master(watched, provider, waiting, figure):
    figure(turns_outlive(watched, provider, lambda _: watched.servers.master.stop(signal.SIGKILL)))
    watched.servers.master.admin.rpush("filled", "by the next master")
    assert until(lambda: waiting, what="the command that was under way") == [(b"filled", b"by the next master")]
