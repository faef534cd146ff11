"""What a model thinks: live for clients that ask, kept where a turn is stopped, and nobody's where the app hides it."""

from __future__ import annotations

import threading

from app.state import redis_keys
from tests.support.backend import until
from tests.support.client import text_of
from tests.support.servers import Fail, Held, Silence, Text, Thoughts

ASKED = {"reasoning": "1"}


def thinking(client, text, app="scripted"):
    return client.streaming("POST", "/api/chat", params=ASKED | {"app": app}, json={"text": text})


def thought_of(events):
    return "".join(event["content"] for event in events if event["type"] == "reasoning")


def test_thoughts_come_live_before_the_text(client, provider):
    gate = threading.Event()
    text = provider.script("think aloud", [Thoughts(["I ", "should "]), Held(gate), Text(["hello"])])
    with thinking(client, text) as stream, client.resume() as other:
        seen = [stream.next("reasoning")]
        while thought_of(seen) != "I should ":
            seen.append(stream.next("reasoning"))
        shown = client.state(**ASKED)
        assert (shown["status"], shown["messages"][-1]["reasoning"]) == ("processing", "I should ")
        assert [message["role"] for message in client.state()["messages"]] == ["user"]
        gate.set()
        assert text_of(list(stream.events())) == "hello"
        assert [event["type"] for event in other.events() if event["type"] != "text"] == ["complete"]


def test_a_stopped_turn_keeps_its_thoughts_and_no_model_gets_them_as_text(client, provider):
    text = provider.script("think and stop", [Thoughts(["half a ", "thought"]), Silence()])
    provider.script("and now", [Text(["yes"])])
    with thinking(client, text) as stream:
        until(lambda: client.state(**ASKED)["messages"][-1].get("reasoning") == "half a thought")
        client.interrupt()
        assert list(stream.events())[-1] == {"type": "complete", "interrupted": True}
    last = client.state(**ASKED)["messages"][-1]
    assert (last["reasoning"], last["content"], last["interrupted"]) == ("half a thought", "", True)
    assert [message["role"] for message in client.state()["messages"]] == ["user"]
    assert text_of(client.ask("and now", app="scripted")) == "yes"
    assert "half a thought" not in str(provider.requests("and now")[-1].body)


def test_an_app_that_hides_it_has_none_of_it_in_the_log(client, provider, redis):
    text = provider.script("think quietly", [Thoughts(["a secret ", "thought"]), Text(["hello"])])
    with thinking(client, text, app="discreet") as stream:
        events = list(stream.events())
        run_id = stream.headers["Location"].rpartition("run_id=")[2]
    assert (thought_of(events), text_of(events)) == ("", "hello")
    with client.resume(**ASKED) as again:
        assert thought_of(list(again.events())) == ""
    assert "a secret" not in str(client.state(**ASKED))
    frames = [fields[b"frame"] for _, fields in redis.xrange(redis_keys.log(client.session_id, run_id))]
    assert not any(b'"content":"a secret' in frame for frame in frames)


def test_what_was_thought_before_a_failure_does_not_stop_a_retry(client, provider):
    text = provider.script("think twice", [Fail(503)], [Thoughts(["again"]), Text(["hello"])])
    with thinking(client, text) as stream:
        events = list(stream.events())
    assert (thought_of(events), text_of(events)) == ("again", "hello")
