"""Redis loses everything (`FLUSHALL`) while clients read: each stream of a turn ends, and updates begin again."""

from __future__ import annotations

import threading

import pytest
import redis as redis_py

from tests.support.backend import Backend, redis_running, until
from tests.support.client import Client, kinds
from tests.support.servers import Held, Text

pytestmark = pytest.mark.long


@pytest.fixture
def own(tmp_path, config_file):
    environment = {
        "AOMI_CONFIG": str(config_file),
        "TEST_API_KEY": "x",
        "AOMI_KEEP_ALIVE": "0.5",
        "AOMI_WORKER_THREADS": "1",
    }
    with redis_running(tmp_path) as url:
        running = Backend(tmp_path, url, environment)
        running.worker()
        running.address = running.web()[1]
        yield running
        running.stop()


def test_every_open_stream_ends_as_lost_and_the_updates_begin_again(own, provider):
    """Of a turn that runs, one that waits behind it, and one whose job waits for a worker."""
    release = threading.Event()
    text = provider.script("before the flush", [Text(["a "]), Held(release)])
    client, other = Client(own.address), Client(own.address)
    with (
        client.updates() as updates,
        client.chat(text, model="scripted") as running,
        client.chat("waits", model="scripted") as waiting,
        other.chat("queued", model="scripted") as queued,
    ):
        running.until_text("a ")
        updates.next("title_changed")
        with redis_py.Redis.from_url(own.redis_url) as admin:
            until(lambda: admin.llen("rq:queue:turns"))
            admin.flushall()
        for stream in (running, waiting, queued):
            (error,) = stream.events()
            assert (error["type"], error["code"]) == ("error", "lost")
        release.set()
        updates.next("gap")
        assert updates.next()["type"] == "state"
        assert kinds(client.ask("remember 1"))[-1] == "complete"
        assert updates.next("title_changed")["title"] == "remember 1"
    assert all(process.alive for process in own.processes)
