"""A message that is sent again with its Idempotency-Key is the same message: it runs once and bills once."""

from __future__ import annotations

import threading

from tests.support.client import Client, text_of
from tests.support.servers import Text


def send(client, text, key, url=None):
    headers = {"Idempotency-Key": key}
    return client.streaming("POST", "/api/chat?app=scripted", url=url, json={"text": text}, headers=headers)


def test_a_retry_attaches_to_the_turn_while_it_runs_and_after_it(client, webs, provider):
    text = provider.script("send twice", [Text(["a", "b", "c"], pause=0.1)])
    with send(client, text, "k1") as first:
        first.next("text")
        with send(client, text, "k1", url=webs[1]) as second:
            assert text_of(list(second.events())) == "abc"
    with send(client, text, "k1") as third:
        assert text_of(list(third.events())) == "abc"
    assert len(provider.requests(text)) == 1
    assert [m["role"] for m in client.state()["messages"]] == ["user", "assistant"]


def test_many_retries_at_once_run_once(client, provider):
    text = provider.script("send eight times", [Text(["once"])])
    answers: list[str] = []

    def retry():
        with send(client, text, "k2") as stream:
            answers.append(text_of(list(stream.events())))

    threads = [threading.Thread(target=retry) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["once"] * 8
    assert len(provider.requests(text)) == 1


def test_the_same_key_with_another_message_is_refused(client, provider):
    provider.script("one message", [Text(["a"])])
    with send(client, "one message", "k3") as stream:
        list(stream.events())
    headers = {"Idempotency-Key": "k3"}
    other = client.post("/api/chat?app=scripted", json={"text": "another message"}, headers=headers)
    assert other.status_code == 409
    assert "Idempotency-Key" in other.json()["error"]
    assert client.post("/api/chat", json={"text": "x"}, headers={"Idempotency-Key": "k" * 256}).status_code == 400


def test_another_session_may_use_the_same_key(client, webs, key, provider):
    text = provider.script("same key", [Text(["yes"])])
    for one in (client, Client(webs[0], key)):
        with send(one, text, "k4") as stream:
            list(stream.events())
    assert len(provider.requests(text)) == 2


def test_a_retry_with_the_last_event_that_it_has_seen_continues_after_it(client, provider):
    """The reconnect of fetch-event-source: the same POST, with `Last-Event-ID`."""
    text = provider.script("retry in the middle", [Text(["a", "b", "c"])])
    key = {"Idempotency-Key": "k5"}
    with client.streaming("POST", "/api/chat?app=scripted&ids=1", json={"text": text}, headers=key) as first:
        events = list(first.events())
    for seen, last_id in enumerate(first.ids[:-1], start=1):
        headers = key | {"Last-Event-ID": last_id}
        with client.streaming("POST", "/api/chat?app=scripted", json={"text": text}, headers=headers) as again:
            assert list(again.events()) == events[seen:]
            assert again.ids == first.ids[seen:]
    headers = key | {"Last-Event-ID": first.ids[-1]}
    assert client.post("/api/chat?app=scripted", json={"text": text}, headers=headers).status_code == 204
    headers = key | {"Last-Event-ID": "run_other:1"}
    with client.streaming("POST", "/api/chat?app=scripted", json={"text": text}, headers=headers) as whole:
        assert list(whole.events()) == events
