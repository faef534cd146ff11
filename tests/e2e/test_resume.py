"""Resuming a stream and reading it many times: exactly once, in order, on any web process."""

from __future__ import annotations

import threading

import pytest

from tests.support.client import Client, kinds, text_of
from tests.support.servers import Held, StepwiseText, Text


def test_ids_stand_before_frames_only_when_asked_for(client):
    with client.streaming("POST", "/api/chat?ids=1", json={"text": "count to 3"}) as stream:
        events = list(stream.events())
    assert len(stream.ids) == len(events)
    run, numbers = stream.ids[0].split(":")[0], [int(one.split(":")[1]) for one in stream.ids]
    assert all(one.startswith(f"{run}:") for one in stream.ids)
    assert numbers == list(range(1, len(events) + 1))


@pytest.mark.parametrize("cut", [0, 1, 3, 7])
def test_what_was_seen_and_what_a_resume_brings_are_the_whole_exactly_once(client, webs, provider, cut):
    pieces = [f"{n} " for n in range(8)]
    answer = StepwiseText(pieces)
    text = provider.script(f"cut at {cut}", answer.answer)
    seen = []
    with client.streaming("POST", "/api/chat?app=scripted&ids=1", json={"text": text}) as stream:
        for _ in range(cut):
            answer.send()
            seen.append(stream.next())
        last = stream.ids[-1] if stream.ids else None
    answer.finish()
    with client.resume(url=webs[1], last_id=last) as again:
        seen += list(again.events())
    assert text_of(seen) == "".join(pieces)
    assert kinds(seen)[-1] == "complete"


def test_starting_after_takes_an_id_or_its_number_in_the_query(client):
    with client.streaming("POST", "/api/chat?ids=1", json={"text": "count to 4"}) as stream:
        events = list(stream.events())
    for given in (stream.ids[1], "2"):
        with client.resume(starting_after=given) as again:
            assert list(again.events()) == events[2:]
            assert again.ids == []


def test_many_readers_on_two_webs_see_the_same(client, webs, provider):
    pieces = StepwiseText([f"{n} " for n in range(40)])
    text = provider.script("many readers", pieces.answer)
    read: list[str] = []

    def reader(url: str) -> None:
        with client.resume(url=url) as stream:
            read.append(text_of(list(stream.events())))

    with client.chat(text, app="scripted") as stream:
        threads = [threading.Thread(target=reader, args=(webs[n % 2],)) for n in range(10)]
        for number, thread in enumerate(threads):  # they come in one after the other, all in the middle of the answer
            pieces.send(3)
            stream.until_text(f"{3 * number + 2} ")
            thread.start()
        pieces.finish()
        list(stream.events())
        for thread in threads:
            thread.join()
    assert read == ["".join(f"{n} " for n in range(40))] * 10


def test_a_session_without_a_turn_is_204_and_an_unknown_one_404(client, webs):
    client.post("/api/sessions")
    answer = client.get("/api/chat")
    assert (answer.status_code, answer.content) == (204, b"")
    assert Client(webs[0]).get("/api/chat").status_code == 404


def test_an_id_of_an_earlier_turn_brings_the_end_of_that_turn(client):
    with client.streaming("POST", "/api/chat?ids=1", json={"text": "remember 1"}) as stream:
        first = list(stream.events())
    client.ask("remember 2")
    with client.resume(last_id=stream.ids[0]) as again:
        assert list(again.events()) == first[1:]


def test_a_wrong_id_is_400(client):
    client.ask("remember 3")
    for wrong in ("abc", "run_x:-1", "1.5", "9" * 40):
        assert client.get("/api/chat", headers={"Last-Event-ID": wrong}).status_code == 400


def test_a_waiting_turn_can_be_resumed_by_its_location(client, provider):
    resumed = threading.Event()
    provider.script("first of two", [Text(["a"]), Held(resumed)])
    provider.script("second of two", [Text(["b"])])
    with client.chat("first of two", app="scripted") as first:
        first.next("text")
        with client.chat("second of two", app="scripted") as second:
            location = second.headers["location"]
        with client.streaming("GET", location) as again:
            resumed.set()
            assert text_of(list(again.events())) == "b"


def test_a_turn_of_which_all_was_seen_is_204(client):
    with client.streaming("POST", "/api/chat?ids=1", json={"text": "remember 1"}) as stream:
        list(stream.events())
    assert client.get("/api/chat", headers={"Last-Event-ID": stream.ids[-1]}).status_code == 204


@pytest.mark.parametrize("headers", [{}, {"Last-Event-ID": "run_gone:3"}])
def test_a_named_turn_that_is_not_kept_is_204_and_never_another_turn(client, headers):
    client.ask("remember 4")
    response = client.get("/api/chat", params={"run_id": "run_gone"}, headers=headers)
    assert (response.status_code, response.content) == (204, b"")


def test_a_number_that_the_log_of_a_named_turn_has_lost_brings_its_end(client):
    with client.streaming("POST", "/api/chat?ids=1", json={"text": "count to 2"}) as stream:
        list(stream.events())
    run = stream.ids[0].rpartition(":")[0]
    with client.resume(last_id=f"{run}:999") as again:
        assert list(again.events()) == [{"type": "complete"}]
    assert again.ids == stream.ids[-1:]
    assert client.get("/api/chat", headers={"Last-Event-ID": again.ids[0]}).status_code == 204
