"""`@ag-ui/client` 1.0 with its verifier and `@copilotkit/core` as they are published, against the real stack."""

from __future__ import annotations

import os

import pytest

from tests.clients.agents import kinds, running
from tests.clients.npm import HERE
from tests.clients.pages import documented
from tests.support import processes
from tests.support.programs import needed
from tests.support.servers import Calls, Fail, StepwiseText, Text, Thoughts

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def packages():
    with running() as started:
        yield started


@pytest.fixture
def loaded(packages, webs, key):
    """The messages of a thread as a page of CopilotKit gets them that loads again."""

    def load(thread_id, **options):
        page = packages.copilotkit(webs[1], key, thread_id, **options)
        page.start("connect")
        return page.done()["messages"]

    return load


def test_a_turn_with_thoughts_tools_and_text_is_the_same_after_a_reload(packages, webs, key, provider, loaded):
    calls = [("Add", {"a": 1, "b": 2}), ("Nonsense", {}), ("Explode", {})]
    first = [Thoughts(["They add."]), Text(["Let me ", "see."]), Calls(calls)]
    text = provider.script("adds for agui", first, [Text(["It is 3."])])
    agent = packages.agui(webs[0], key)
    agent.send(text, "u1")
    state = agent.done()
    user, thought, reply, *results, last = state["messages"]
    assert (user["id"], user["role"]) == ("u1", "user")
    assert (thought["role"], thought["content"]) == ("reasoning", "They add.")
    assert (reply["content"], last["content"]) == ("Let me see.", "It is 3.")
    assert [call["function"]["name"] for call in reply["toolCalls"]] == ["Add", "Nonsense", "Explode"]
    told = {one["toolCallId"]: one["content"] for one in results}
    added, *others = (told[call["id"]] for call in reply["toolCalls"])
    assert added == '{"sum":3}'
    assert all("error" in one for one in others)
    end = state["events"][-1]
    assert (end["type"], end["outcome"]) == ("RUN_FINISHED", {"type": "success"})
    assert [(used["model"], used["inputTokens"]) for used in end["usage"]] == [("scripted", 14)]
    assert loaded(agent.thread_id) == loaded(agent.thread_id, transport="single") == state["messages"]


def test_a_second_page_follows_the_turn_and_a_stop_there_ends_it_for_both(packages, webs, key, provider, loaded):
    held = StepwiseText(["It begins", " and goes on", " for ever"])
    text = provider.script("is stopped for agui", held.answer)
    first = packages.agui(webs[0], key)
    first.send(text)
    held.send()
    first.until_text("It begins")
    second = packages.copilotkit(webs[1], key, first.thread_id)
    second.start("connect")
    held.send()
    second.until_text("It begins and goes on")
    second.start("stop")
    state = first.done()
    assert state["events"][-1]["outcome"] == {"type": "cancelled"}
    assert state["messages"] == second.done()["messages"] == loaded(first.thread_id)
    assert state["messages"][-1]["metadata"] == {"interrupted": True}
    held.finish()


def test_a_run_that_is_sent_again_is_the_same_and_a_message_is_answered_again_or_edited(packages, webs, key, provider):
    text = provider.script("is answered twice for agui", [Text(["One."])], [Text(["Two."])])
    other = provider.script("says it otherwise for agui", [Text(["Three."])])
    agent = packages.agui(webs[0], key)
    agent.send(text, "u1", runId="first")
    one = agent.done()["messages"]
    agent.start("run", one[:1], {"runId": "first"})
    assert agent.done()["messages"] == one
    agent.start("run", one[:1], {"runId": "second"})
    assert [message["content"] for message in agent.done()["messages"]] == [text, "Two."]
    agent.start("run", [one[0] | {"content": other}], {"runId": "third"})
    assert [message["content"] for message in agent.done()["messages"]] == [other, "Three."]
    page = packages.copilotkit(webs[1], key, agent.thread_id)
    page.start("connect")
    assert page.done()["messages"] == agent.messages


@pytest.mark.parametrize("transport", ["rest", "single"])
def test_copilotkit_runs_stops_and_goes_on_without_its_node_runtime(packages, webs, key, provider, transport):
    held = StepwiseText(["Never", " ends"])
    text = provider.script(f"is begun by copilotkit {transport}", held.answer)
    again = provider.script(f"is asked by copilotkit {transport}", [Calls([("Add", {"a": 2})])], [Text(["It is 3."])])
    page = packages.copilotkit(webs[0], key, transport=transport)
    assert (page.info["status"], page.info["transport"]) == ("connected", transport)
    assert {"default", "scripted"} <= set(page.info["agents"])
    page.start("connect")  # of a thread that is not there yet
    assert page.done()["messages"] == []
    page.send(text)
    held.send()
    page.until_text("Never")
    page.start("stop")
    assert page.done()["events"][-1]["metadata"] == {"interrupted": True}
    held.finish()
    page.send(again)
    state = page.done()
    assert [message["role"] for message in state["messages"]][-3:] == ["assistant", "tool", "assistant"]
    assert state["messages"][-1]["content"] == "It is 3."


def test_a_failure_and_a_refusal_are_told(packages, webs, key, provider):
    text = provider.script("fails for agui", [Fail(400)])
    agent = packages.agui(webs[0], key)
    agent.send(text)
    state = agent.settled()
    assert kinds(state["events"]) == ["RUN_STARTED", "RUN_ERROR"]
    assert state["events"][-1]["code"] == "provider_error"
    assert "secret" not in str(state["events"])
    page = packages.copilotkit(webs[1], key)
    page.send(text)
    state = page.settled()
    assert (kinds(state["events"]), state["events"][-1]["code"]) == (["RUN_STARTED", "RUN_ERROR"], "provider_error")
    assert state["failures"]
    assert "secret" not in str(state)
    stranger = packages.agui(webs[0], "sk-wrong")
    stranger.send("hello")
    assert "HTTP 401" in stranger.settled()["error"]
    assert "HTTP 401" in "".join(packages.call("complaints"))


def test_a_run_whose_web_process_is_killed_is_read_on_at_another_one(backend, packages, webs, key, provider, loaded):
    dying, url = backend.web()
    held = StepwiseText(["It begins", " and it ends."])
    text = provider.script("outlives a web process with agui", held.answer)
    agent = packages.agui(url, key)
    agent.send(text, "u1", runId="first")
    held.send()
    agent.until_text("It begins")
    follower = packages.copilotkit(url, key, agent.thread_id)
    follower.start("connect")
    follower.until_text("It begins")
    dying.kill()
    broken = agent.settled()
    assert broken["error"]
    assert follower.settled()["failures"]
    assert packages.call("complaints")  # about the connections that broke off
    page = packages.copilotkit(webs[1], key, agent.thread_id)
    page.start("connect")
    page.until_text("It begins")
    again = packages.agui(webs[0], key, agent.thread_id)
    again.start("run", broken["messages"][:1], {"runId": "first"})
    again.until_text("It begins")
    held.finish()
    assert page.done()["messages"] == again.done()["messages"] == loaded(agent.thread_id)
    assert again.messages[-1]["content"] == "It begins and it ends."


def test_200_tool_calls_of_one_turn(packages, webs, key, provider, loaded):
    calls = [[Calls([("Add", {"a": number, "b": reply}) for number in range(20)])] for reply in range(10)]
    text = provider.script("adds a lot for agui", *calls, [Text(["Done."])])
    agent = packages.agui(webs[0], key)
    agent.send(text)
    state = agent.done()
    assert len([one for one in state["messages"] if one["role"] == "tool"]) == 200
    assert loaded(agent.thread_id) == state["messages"]


def test_the_state_is_the_user_state_and_what_the_page_says_reaches_the_model(packages, webs, key, provider):
    text = provider.script("knows the page", [Text(["Yes."])])
    agent = packages.agui(webs[0], key, state={"address": "0x742d"})
    agent.send(text, context=[{"description": "The page", "value": "Portfolio"}])
    assert agent.done()["state"] == {"address": "0x742d"}
    (asked,) = provider.requests(text)
    assert "0x742d" in str(asked.body)
    assert "Portfolio" in str(asked.body)
    other = packages.agui(webs[1], key, agent.thread_id)
    other.send(provider.script("knows it again", [Text(["Yes."])]))
    assert other.done()["state"] == {"address": "0x742d"}
    assert "Portfolio" not in str(provider.requests("knows it again")[0].body)


def test_later_steps_of_a_tool_are_one_activity(packages, webs, key, provider, loaded):
    held = StepwiseText(["It counts", " down"])
    text = provider.script("counts for agui", [Calls([("Countdown", {"n": 3})])], held.answer)
    agent = packages.agui(webs[0], key)
    agent.send(text)
    agent.until_text("'done': True")
    held.finish()
    state = agent.done()
    (activity,) = [one for one in state["messages"] if one["role"] == "activity"]
    assert (activity["content"]["result"], activity["content"]["done"]) == ({"left": 1}, True)
    assert activity in loaded(agent.thread_id)


PAY = ("Pay", {"amount": 500, "to": "Bob"})


def test_a_call_that_a_person_approves_is_an_interrupt_that_a_reload_brings_back(packages, webs, key, provider, loaded):
    text = provider.script("pays for agui", [Calls([PAY])], [Text(["Paid."])])
    agent = packages.agui(webs[0], key, app="asking")
    agent.send(text, "u1")
    state = agent.done()
    (asked,) = state["pendingInterrupts"]
    assert asked["toolCallId"] == state["messages"][-1]["toolCalls"][0]["id"]
    page = packages.copilotkit(webs[1], key, agent.thread_id, app="asking")
    page.start("connect")
    assert [one["id"] for one in page.done()["pendingInterrupts"]] == [asked["id"]]
    resume = [{"interruptId": asked["id"], "status": "resolved", "payload": {"approved": True}}]
    agent.start("run", None, {"resume": resume, "runId": "answered"})
    state = agent.done()
    assert [message["content"] for message in state["messages"][-2:]] == ['{"paid":500,"to":"Bob"}', "Paid."]
    assert state["pendingInterrupts"] == []
    assert loaded(agent.thread_id, app="asking") == state["messages"]


def test_a_no_reaches_the_model(packages, webs, key, provider):
    text = provider.script("does not pay for agui", [Calls([PAY])], [Text(["As you wish."])])
    agent = packages.agui(webs[0], key, app="asking")
    agent.send(text)
    (asked,) = agent.done()["pendingInterrupts"]
    agent.start("run", None, {"resume": [{"interruptId": asked["id"], "status": "cancelled"}]})
    assert agent.done()["messages"][-1]["content"] == "As you wish."
    assert "paid" not in str(provider.requests(text)[-1].messages)


def test_a_tool_of_the_page_runs_there_and_the_turn_goes_on(packages, webs, key, provider):
    text = provider.script("shows a map", [Calls([("ShowMap", {"place": "Ulm"})])], [Text(["There it is."])])
    page = packages.copilotkit(webs[0], key, app="asking")
    page.start("tool", "ShowMap")
    page.send(text)
    state = page.done()
    assert [message["role"] for message in state["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert state["messages"][-1]["content"] == "There it is."
    assert '"shown":"Ulm"' in str(provider.requests(text)[-1].messages).replace(" ", "")


def test_the_program_of_the_page_runs(webs, tmp_path):
    (code,) = documented("mjs")
    (tmp_path / "program.mjs").write_text(code)
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    command = [needed("node"), tmp_path / "program.mjs"]
    done = processes.run(command, env=os.environ | {"BACKEND": webs[0]}, text=True)
    assert (done.returncode, "42" in done.stdout.splitlines()[-1]) == (0, True), done
