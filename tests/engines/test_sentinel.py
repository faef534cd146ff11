"""A master with a replica, watched by Sentinels."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from app.config import Settings
from app.state.connection import clients
from tests.engines.failing import turns_outlive
from tests.support.backend import until
from tests.support.client import Client, Stream, kinds
from tests.support.engines import Watched, stopped_at_last
from tests.support.patience import patience
from tests.support.resuming import read
from tests.support.servers import Text

pytestmark = pytest.mark.long


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


@dataclass
class Sent:
    """Messages that were accepted one after the other, each in a session of its own: when, and the session's client."""

    accepted: list[tuple[float, Client]] = field(default_factory=list)

    @property
    def longest_pause(self) -> float:
        """Seconds in which none was accepted."""
        return max(later - earlier for (earlier, _), (later, _) in pairwise(self.accepted))

    def send(self, client: Client, text: str) -> None:
        with client.http.stream(
            "POST", f"{client.url}/api/chat", json={"text": text, "model": "scripted"}, headers=client.headers
        ) as answer:
            if answer.status_code == 200:
                self.accepted.append((time.monotonic(), client))
                list(Stream(answer).events())  # to its end, or until the master moves
            else:
                assert answer.status_code == 503


def is_lost(client: Client, text: str) -> bool:
    """Whether nothing is left of a client's message, or its turn ended as lost; else it has the answer `text`."""
    if client.get("/api/state", params={"session_id": client.session_id}).status_code == 404:
        return True
    until(lambda: not client.state()["is_processing"], what="the end of a turn")
    events: list = []
    read("GET", "/api/chat", client, events, headers={"Last-Event-ID": "0"})
    if not events or events[-1].get("code") == "lost":
        return True
    assert (kinds(events), client.state()["messages"][-1]["content"]) == (["text", "complete"], text)
    return False


def test_a_planned_failover_loses_no_turn(watched, provider, figure):
    """The old master takes writes for ten seconds, until the Sentinels make it a replica: it loses them then. What is
    written before this machine's processes hear of the failover is lost too: none on an idle machine."""
    old, sent, over = watched.servers.master, Sent(), threading.Event()
    text = provider.script("planned", [Text(["an answer"])])

    def send():
        while not over.is_set():
            sent.send(watched.client(), text)

    def fail_over(_):
        watched.servers.fail_over()
        until(lambda: watched.servers.master is not old, 30, "the new master")

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        try:
            turns_outlive(watched, provider, fail_over)
            until(lambda: old.admin.role()[0] == b"slave", 30, "the old master as a replica")
        finally:
            over.set()
        sending.result()
    figure(sent.longest_pause)
    lost = [moment for moment, client in sent.accepted if is_lost(client, "an answer")]
    assert not lost or (max(lost) - min(lost) < 1 and patience() > 1), len(lost)
    until(watched.servers.is_followed, 20, "a replica")


def test_turns_outlive_the_death_of_their_master(watched, provider, waiting, figure):
    figure(turns_outlive(watched, provider, lambda _: watched.servers.master.stop(signal.SIGKILL)))
    watched.servers.master.admin.rpush("filled", "by the next master")
    assert until(lambda: waiting, what="the command that was under way") == [(b"filled", b"by the next master")]
