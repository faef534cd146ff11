"""A master dies while people chat: what every engine must hold then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from app.state import redis_keys
from tests.engines.conftest import Site
from tests.support.client import Client, kinds, text_of
from tests.support.patience import patient, until
from tests.support.resuming import read, read_to_the_end
from tests.support.servers import Held, Provider, Text

PIECES = [f"{number} " for number in range(60)]
SESSIONS = 6


def turns_outlive(site: Site, provider: Provider, kill: Callable[[str], None]) -> float:
    """Turns of some sessions, during which `kill` is called with the key of one of them. Returns after how many seconds
    a message was accepted again."""
    dead = threading.Event()
    text = provider.script(
        f"outlive {time.monotonic()}", [Text(PIECES[:10]), Held(dead), Text(PIECES[10:], pause=0.06)]
    )
    clients = [site.client() for _ in range(SESSIONS)]
    found: list[list] = [[] for _ in clients]
    body = {"text": text, "model": "scripted"}
    threads = [
        threading.Thread(target=read_to_the_end, args=(client, body, events))
        for client, events in zip(clients, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    until(lambda: all(text_of(events) == "".join(PIECES[:10]) for events in found), what="the turns")
    site.servers.replicate()
    kill(redis_keys.session(clients[0].session_id))
    dead.set()
    killed = time.monotonic()
    until(lambda: accepts(clients[0]) and accepts(site.client()), 30, "a message that is accepted")
    accepted = time.monotonic() - killed
    for thread in threads:
        thread.join(patient(60))
        assert not thread.is_alive(), "a stream hangs"
    for client, events in zip(clients, found, strict=True):
        assert (text_of(events), kinds(events)) == ("".join(PIECES), ["text", "complete"]), events[-1]
        replayed: list = []
        read("GET", "/api/chat", client, replayed, headers={"Last-Event-ID": "0"})
        assert text_of(replayed) == text_of(events)
        assert client.state()["messages"][-1]["content"] == text_of(events)
    assert len(provider.requests(text)) == SESSIONS
    assert all(process.alive for process in site.backend.processes)
    return accepted


def accepts(client: Client) -> bool:
    """Whether something can be written in a session; a refusal must be the documented one."""
    answer = client.request("PATCH", f"/api/sessions/{client.session_id}", json={"title": "accepted"})
    assert answer.status_code in (200, 404, 503), answer.text
    if answer.status_code == 503:
        assert int(answer.headers["Retry-After"]) > 0
    return answer.status_code != 503
