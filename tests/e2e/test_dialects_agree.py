"""One turn, read in every dialect: the same text, reasoning and results for each reader and in each history."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import httpx

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.responses.public_ids import PublicIds
from app.state.scripts import Store
from tests.support import heard
from tests.support.backend import until
from tests.support.client import PLAIN
from tests.support.patience import patient
from tests.support.servers import Calls, Held, Text, Thoughts

TEXT = 'Moment… žluťoučký kůň, 3 → 日本 \u2028\u2029 👩‍👩‍👧 "quoted" \\ end\n\n'
THOUGHT = "Zwei Gedanken 🧠\n\n\u0085 und noch einer"
RESULTS = {"Add": {"sum": 3}, "Repeat": {"word": "ž🦊", "letters": "ž 🦊", "length": 2}, "Countdown": {"left": 1}}
SAID = (TEXT, THOUGHT, RESULTS)


def answers(gate):
    calls = Calls([("Add", {"a": 1, "b": 2}), ("Repeat", {"word": "ž🦊"}), ("Countdown", {"n": 2})])
    first = [Thoughts([THOUGHT[:3], THOUGHT[3:16]]), Text([TEXT[:5], TEXT[5:20]]), calls]
    return first, [Thoughts([THOUGHT[16:]]), Text([TEXT[20:30]]), Held(gate), Text([TEXT[30:34], TEXT[34:]])]


class Api:
    """One web process, with an API key."""

    def __init__(self, url, key):
        headers = {"X-API-Key": key}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=patient(30), **PLAIN)

    def json(self, path, method="GET", **more):
        return self.http.request(method, path, **more).raise_for_status().json()

    def streams(self, session_id, response_id):
        """The requests that read the turn of the session that runs, by the dialect of their readers."""
        own = {"session_id": session_id}
        run = {"threadId": session_id, "runId": "reader", "messages": []}
        return {
            heard.native: self.http.stream("GET", "/api/chat", params=own | {"reasoning": "1"}),
            heard.ai_sdk: self.http.stream("GET", f"/ai/chat/{session_id}/stream", params={"reasoning": "1"}),
            heard.agui: self.http.stream("POST", "/copilotkit/agent/scripted/connect", json=run),
            heard.response: self.http.stream("GET", f"/v1/responses/{response_id}", params={"stream": "true"}),
        }

    def replays(self, session_id, run_id):
        """The requests that read a turn of the session by its id, by the dialect of their readers."""
        named = {"run_id": run_id, "reasoning": "1"}
        return {
            heard.native: self.http.stream("GET", "/api/chat", params=named | {"session_id": session_id}),
            heard.ai_sdk: self.http.stream("GET", f"/ai/chat/{session_id}/stream", params=named),
            heard.agui: self.http.stream("GET", f"/agui/threads/{session_id}/runs/{run_id}"),
            heard.response: self.http.stream("GET", f"/v1/sessions/{session_id}/turns/{run_id}"),
        }

    def histories(self, session_id, conversation_id, response_id):
        """What each dialect has of the turn that is over."""
        own = {"session_id": session_id, "reasoning": "1"}
        run = {"threadId": session_id, "runId": "reader", "messages": []}
        with self.http.stream("POST", "/copilotkit/agent/scripted/connect", json=run) as stream:
            (snapshot,) = [one for one in heard.frames(stream) if one["type"] == "MESSAGES_SNAPSHOT"]
        items = self.json(f"/v1/conversations/{conversation_id}/items", params={"order": "asc"})["data"]
        shown = {"v": "6", "reasoning": "1"}
        return {
            "native": heard.of_state(self.json("/api/state", params=own)["messages"]),
            "AI SDK": heard.of_ui_messages(self.json(f"/ai/chat/{session_id}/messages", params=shown)),
            "AG-UI": heard.of_agent_messages(snapshot["messages"]),
            "conversation": heard.of_items(items),
            "response": heard.of_items(self.json(f"/v1/responses/{response_id}")["output"]),
        }

    def gen1(self, session_id):
        messages = self.json("/api/state", headers={"X-Session-Id": session_id})["messages"]
        return heard.of_gen1(messages)


def test_a_turn_says_the_same_to_every_reader_and_in_every_history(webs, key, redis, provider):
    here, elsewhere = (Api(url, key) for url in webs)
    store, gate = Store(redis, Settings()), threading.Event()
    text = provider.script("the same in every dialect 🦊", *answers(gate))
    conversation = here.json("/v1/conversations", "POST", json={})["id"]
    key_id = ApiKeys(store).find(key).id
    session_id = PublicIds(store).session(conversation.removeprefix("conv_"), key_id)
    sent = {"model": "scripted", "input": text, "conversation": conversation, "background": True}
    response_id = here.json("/v1/responses", "POST", json=sent)["id"]
    own = {"session_id": session_id}
    until(lambda: TEXT[20:30] in str(here.json("/api/state", params=own)["messages"]))
    until(lambda: "'done': True" in str(here.json("/api/state", params=own)["messages"]), what="the tool's last step")
    with ExitStack() as stack:
        readers = [
            (fold, stack.enter_context(made))
            for api in (here, elsewhere)
            for fold, made in api.streams(session_id, response_id).items()
        ]
        gate.set()
        turns = [(fold.__name__, fold(heard.frames(stream))) for fold, stream in readers]
    assert [name for name, turn in turns if turn.said != SAID or len(turn.ends) != 1] == [], turns
    for api in (here, elsewhere):
        found = api.histories(session_id, conversation, response_id)
        assert {name: turn.said for name, turn in found.items()} == dict.fromkeys(found, SAID)
        assert api.gen1(session_id).said == (TEXT, "", RESULTS)
        run_id = api.json("/api/state", params=own)["messages"][-1]["id"].rpartition("-")[0]
        for fold, made in api.replays(session_id, run_id).items():
            with made as stream:
                assert fold(heard.frames(stream.raise_for_status())).said == SAID, fold.__name__


def test_a_completion_has_the_text_of_the_same_turn(webs, key, provider):
    api, gate = Api(webs[0], key), threading.Event()
    gate.set()
    said = [{"role": "user", "content": "the same in a completion 🦊"}]
    body = {"model": "scripted", "messages": said}
    provider.script(said[0]["content"], *answers(gate))
    assert api.json("/v1/chat/completions", "POST", json=body)["choices"][0]["message"]["content"] == TEXT
    provider.script(said[0]["content"], *answers(gate))
    with api.http.stream("POST", "/v1/chat/completions", json=body | {"stream": True}) as stream:
        assert heard.completion(heard.frames(stream)) == TEXT


def test_a_turn_of_the_reference_api_is_streamed_in_every_dialect(webs, key, client, provider):
    api = Api(webs[0], key)
    answer = [Thoughts([THOUGHT]), Text([TEXT]), Calls([("Add", {"a": 1, "b": 2})])]
    client.ask(provider.script("once more in every dialect", answer, [Text(["end"])]), app="scripted")
    run_id = client.state()["messages"][-1]["id"].rpartition("-")[0]
    for fold, made in api.replays(client.session_id, run_id).items():
        with made as stream:
            turn = fold(heard.frames(stream.raise_for_status()))
        assert turn.said == (f"{TEXT}end", THOUGHT, {"Add": {"sum": 3}}), fold.__name__
        assert len(turn.ends) == 1


def test_a_turn_that_is_not_kept_is_not_found(webs, key, client):
    api = Api(webs[0], key)
    client.ask("hello")
    replays = api.replays(client.session_id, "run_unknown")
    del replays[heard.native]  # 204, which tells a client that resumes that it has all
    for fold, made in replays.items():
        with made as stream:
            assert (stream.status_code, "no such turn" in stream.read().decode()) == (404, True), fold.__name__
