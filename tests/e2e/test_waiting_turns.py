"""Turns that wait for a person, many at once: what they cost while they wait, and how fast an answer goes on.

The figures of docs/approval.md come from here, with WAITING_TURNS=1000 and a file in AOMI_FIGURES: how many threads and
connections there are more, how many bytes of Redis a turn that waits takes more than one that has ended, the median
seconds from an answer to the first text, and those from a message.
"""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.support.client import Client
from tests.support.servers import Calls, Text

pytestmark = pytest.mark.exhaustive

TURNS = int(os.environ.get("WAITING_TURNS", "60"))
ANSWERED = min(TURNS, 100)
SAMPLE = 10
"""Of how many sessions the bytes are counted."""
PAY = ("Pay", {"to": "Bob", "amount": 500})


def threads(backend):
    """Of all processes of web and worker."""
    own = [psutil.Process(process.pid) for process in backend.processes if process.alive]
    return sum(one.num_threads() for process in own for one in (process, *process.children(recursive=True)))


def size(redis, clients):
    """Bytes of Redis of one of these sessions, at the median."""
    return statistics.median(
        sum(redis.memory_usage(name) or 0 for name in redis.scan_iter(f"*{client.session_id}*", 1000))
        for client in clients
    )


def seconds_to_first_text(client, **body):
    began = time.monotonic()
    with client.streaming("POST", "/api/chat", params={"app": "asking"}, json=body) as stream:
        stream.next("text")
        return time.monotonic() - began


def test_turns_that_wait_hold_no_thread_and_no_connection_and_go_on_as_fast_as_a_message(
    webs, backend, key, redis, provider, figure
):
    text = provider.script("pay, and wait", [Text(["Paid."])])

    def ask(client):
        return client.ask(text, app="asking")[-1].get("awaiting")

    clients = [Client(webs[0], key) for _ in range(TURNS)]
    with ThreadPoolExecutor(8) as people:
        list(people.map(ask, [Client(webs[0], key) for _ in range(16)]))  # all that is made once
        before = threads(backend), redis.info("clients")["connected_clients"]
        ended = [Client(webs[0], key) for _ in range(SAMPLE)]
        list(people.map(ask, ended))
        provider.script(text, [Calls([PAY])])
        waiting = list(people.map(ask, clients))
    assert redis.zcard("open-calls") >= TURNS
    after = threads(backend), redis.info("clients")["connected_clients"]
    for held in (after[0] - before[0], after[1] - before[1]):
        figure(held)
        assert held < TURNS / 4, "pools may grow with the load, up to their bounds"
    more = size(redis, clients[:SAMPLE]) - size(redis, ended)
    figure(more)
    assert more < 4096

    provider.script(text, [Text(["Paid."])])
    answers, messages = [], []
    for client, (call_id,) in zip(clients[:ANSWERED], waiting, strict=False):
        answers.append(seconds_to_first_text(client, answers=[{"call_id": call_id, "approve": True}]))
        messages.append(seconds_to_first_text(client, text=text))
    for found in (answers, messages):
        figure(statistics.median(found))
    assert all(not client.state()["pending"] for client in clients[: min(ANSWERED, 5)])
