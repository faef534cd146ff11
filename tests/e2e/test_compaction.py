"""Long conversations are summed up in the background: the next prompts are preamble, summary and the last turns."""

from __future__ import annotations

import threading
import uuid

import pytest
import redis as redis_py

from app.config import Settings
from app.state import redis_keys
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.backend import Backend, until
from tests.support.client import Client
from tests.support.servers import Fail, Held, Silence, Text, Uses

END = "(End of the part to sum up.)"
"""The last line of each prompt for a summary, by which the provider knows it."""

ANSWER = "word " * 40
"""About 50 tokens; the model reads 300, and the app's `at` is 0.5."""


@pytest.fixture
def client(webs, redis):
    """A session with an API key of its own."""
    return Client(webs[0], ApiKeys(Store(redis, Settings())).issue(("*",), "compact"))


class Conversation:
    """Turns of one session, of which no other has the words."""

    def __init__(self, client, provider):
        self.client, self.provider, self.said = client, provider, []

    def talk(self, turns: int, *, until_due: bool = False) -> None:
        """With `until_due` the provider says that the last prompt was long enough to be summed up."""
        for left in range(turns, 0, -1):
            text = f"question {len(self.said)} {uuid.uuid4()}"
            self.provider.script(text, [Text([ANSWER]), Uses(150 if until_due and left == 1 else 7, 5)])
            assert self.client.ask(text, app="compact")[-1] == {"type": "complete"}
            self.said.append(text)

    def prompt(self) -> list[dict]:
        """The messages of the last turn as the provider got them."""
        return self.provider.requests(self.said[-1])[-1].messages

    def questions_in_prompt(self) -> list[str]:
        return [message["content"] for message in self.prompt() if message["role"] == "user"]

    @property
    def thread(self) -> str:
        """The Redis key of its thread."""
        return redis_keys.thread(self.client.session_id, self.client.state()["thread_id"])


@pytest.fixture
def conversation(client, provider):
    return Conversation(client, provider)


def summed_up(conversation, turns: int) -> dict:
    """Talk, and wait for the news of the summary."""
    with conversation.client.updates() as updates:
        conversation.talk(turns, until_due=True)
        return updates.next("history_compacted")


def test_a_long_conversation_is_summed_up_for_models_and_stays_whole_for_people(conversation, provider):
    provider.script(END, [Text(["They spoke ", "of words."]), Uses(200, 10)])
    event = summed_up(conversation, 3)
    state = conversation.client.state()
    assert (event["thread_id"], event["model"]) == (state["thread_id"], "scripted")
    assert event["message_id"] == state["messages"][1]["id"]
    (asked,) = provider.requests(END)
    assert conversation.said[0] in asked.asked
    assert conversation.said[1] not in asked.asked
    conversation.talk(1)
    system = conversation.prompt()[0]
    assert system["content"].startswith("Be brief.\n\n")
    assert system["content"].endswith("\n\nThey spoke of words.")
    assert conversation.questions_in_prompt() == conversation.said[1:]
    shown = [message["content"] for message in conversation.client.state()["messages"] if message["role"] == "user"]
    assert shown == conversation.said


def test_the_next_summary_is_made_of_the_last_one_and_what_came_since(conversation, provider):
    provider.script(END, [Text(["First summary."])], [Text(["Second summary."])])
    summed_up(conversation, 3)
    summed_up(conversation, 2)
    asked = provider.requests(END)[-1].asked
    assert asked.startswith("The summary so far:\n\nFirst summary.")
    assert [text in asked for text in conversation.said] == [False, True, True, False, False]
    conversation.talk(1)
    assert conversation.prompt()[0]["content"].endswith("Second summary.")
    assert conversation.questions_in_prompt() == conversation.said[3:]


def test_what_a_summary_costs_is_on_the_bill_of_the_key(conversation, provider):
    provider.script(END, [Text(["Summary."]), Uses(200, 10)])
    summed_up(conversation, 3)

    def of_summary():
        models = conversation.client.get("/api/usage").json()["by_model"]
        return [(one["model_calls"], one["input_tokens"]) for one in models if one["model"] == "scripted"]

    until(lambda: of_summary() == [(1, 200)], what="the usage of the summary")


def test_a_model_that_fails_changes_nothing(conversation, provider, redis):
    provider.script(END, [Fail(400)])
    conversation.talk(3, until_due=True)
    until(lambda: provider.requests(END), what="the request for a summary")
    until(lambda: not redis.zcard("rq:wip:background"), what="the end of the job")
    conversation.talk(1)
    assert conversation.prompt()[0]["content"] == "Be brief."
    assert not redis.hexists(conversation.thread, "summary")


def test_a_turn_does_not_wait_for_a_summary_and_an_interrupt_does_not_stop_it(conversation, provider):
    release = threading.Event()
    provider.script(END, [Held(release), Text(["Summary."])])
    with conversation.client.updates() as updates:
        conversation.talk(3, until_due=True)
        until(lambda: provider.requests(END), what="the request for a summary")
        assert conversation.client.interrupt() is False
        conversation.talk(1)
        assert conversation.prompt()[0]["content"] == "Be brief."
        release.set()
        assert updates.next("history_compacted")["model"] == "scripted"
    conversation.talk(1)
    assert conversation.prompt()[0]["content"].endswith("Summary.")


@pytest.mark.parametrize("deleted", ["", "/threads/{thread}"])
def test_the_deletion_of_a_thread_or_session_ends_the_request_for_its_summary(conversation, provider, redis, deleted):
    provider.script(END, [Silence()])
    conversation.talk(3, until_due=True)
    (asked,) = until(lambda: provider.requests(END), what="the request for a summary")
    client, thread = conversation.client, conversation.client.state()["thread_id"]
    client.request("DELETE", f"/api/sessions/{client.session_id}{deleted.format(thread=thread)}")
    until(asked.hung_up.is_set, what="the end of the request")
    until(lambda: not redis.zcard("rq:wip:background"), what="the end of the job")
    assert not list(redis.scan_iter(f"*:thread:{thread}*"))


def test_a_history_without_the_last_message_that_was_summed_up_is_read_without_the_summary(
    conversation, provider, redis
):
    """As that of a branch that parts from the other one earlier."""
    provider.script(END, [Text(["Of another branch."])])
    summed_up(conversation, 3)
    redis.ltrim(f"{conversation.thread}:messages", 0, 0)
    conversation.talk(1)
    assert conversation.prompt()[0]["content"] == "Be brief."


def test_a_summary_holds_on_its_branch_alone(conversation, provider):
    """An edit of the first message leaves the summary's branch, a choice leads back; a copy reads the messages."""
    provider.script(END, [Text(["Of the first branch."])])
    summed_up(conversation, 3)
    client, state = conversation.client, conversation.client.state()
    thread = f"/api/sessions/{client.session_id}/threads"
    edited = provider.script(f"edited {uuid.uuid4()}", [Text(["Another answer."])])
    assert client.ask(edited, app="compact", edit=state["messages"][0]["id"])[-1] == {"type": "complete"}
    (seen,) = provider.requests(edited)
    assert [message["content"] for message in seen.messages] == ["Be brief.", edited]
    last = state["messages"][-1]["id"]
    assert client.post(f"{thread}/{state['thread_id']}/branch", json={"message_id": last}).status_code == 200
    conversation.talk(1)
    assert conversation.prompt()[0]["content"].endswith("Of the first branch.")
    assert client.post(thread, json={"from": last}).status_code == 200
    conversation.talk(1)
    assert conversation.prompt()[0]["content"] == "Be brief."
    assert conversation.said[2] in conversation.questions_in_prompt()


@pytest.mark.long
def test_a_worker_that_dies_with_the_job_leaves_the_thread_as_it_was(
    tmp_path, config_file, redis_url, provider, backend
):
    own_redis = redis_url.replace("/0", "/3")
    own = Backend(tmp_path, own_redis, backend.environment | {"REDIS_URL": own_redis})
    with redis_py.Redis.from_url(own_redis) as redis:
        try:
            worker, url = own.worker(), own.web()[1]
            client = Client(url, ApiKeys(Store(redis, Settings())).issue(("*",), "compact"))
            conversation = Conversation(client, provider)
            provider.script(END, [Silence()])
            conversation.talk(3, until_due=True)
            until(lambda: provider.requests(END), what="the request for a summary")
            until(lambda: redis.zcard("model-calls"), what="the model call to be open")
            worker.kill()
            own.processes.remove(worker)
            own.worker()
            conversation.talk(1)
            assert conversation.prompt()[0]["content"] == "Be brief."
            until(lambda: not redis.zcard("model-calls"), 60, "the usage of the dead worker's call")
            models = [one["model"] for one in client.get("/api/usage").json()["by_model"]]
            assert "scripted" in models
        finally:
            own.stop()
