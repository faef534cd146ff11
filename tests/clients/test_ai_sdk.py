"""The AI SDK's packages as they are published, `ai` 5, 6 and 7, against the real stack."""

from __future__ import annotations

import json

import pytest

from tests.clients.ai_sdk import comparable, running, said, tools
from tests.clients.pages import documented
from tests.support import processes
from tests.support.client import fetch
from tests.support.patience import until
from tests.support.programs import needed
from tests.support.servers import Calls, Fail, StepwiseText, Text, Thoughts

pytestmark = pytest.mark.long


def all_tests_only(version):
    return pytest.param(version, marks=pytest.mark.long)


@pytest.fixture(scope="module", params=[6, all_tests_only(5), all_tests_only(7)])
def sdk(request):
    with running(request.param) as started:
        yield started


@pytest.fixture
def chat(sdk, webs, key):
    return sdk.chat(webs[0], key)


@pytest.fixture
def reload(webs, key, sdk):
    """The messages of a chat as a page gets them that loads again."""

    def load(chat_id, **query):
        answer = fetch(f"{webs[1]}/ai/chat/{chat_id}/messages", headers={"X-API-Key": key}, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return load


def test_a_turn_with_thoughts_tools_and_text_is_the_same_after_a_reload(sdk, webs, key, provider, reload):
    calls = [("Add", {"a": 1, "b": 2}), ("Nonsense", {}), ("Explode", {})]
    said_first = [Thoughts(["They add."]), Text(["Let me ", "see."]), Calls(calls)]
    text = provider.script(f"adds with ai {sdk.version}", said_first, [Text(["It is 3."])])
    chat = sdk.chat(webs[0], key, query=f"app=scripted&v={sdk.version}&reasoning=1")
    chat.send(text)
    state = chat.settled()
    answered = state["messages"][-1]
    assert [part["type"] for part in answered["parts"]] == [
        *("step-start", "reasoning", "text", "dynamic-tool", "dynamic-tool", "dynamic-tool", "step-start", "text")
    ]
    assert said(answered) == "Let me see.It is 3."
    assert [tool["state"] for tool in tools(answered)] == ["output-available", "output-error", "output-error"]
    assert tools(answered)[0]["output"] == {"sum": 3}
    assert answered["metadata"]["model"] == "scripted"
    assert answered["metadata"]["usage"]["inputTokens"] == 14
    assert answered["metadata"]["endedAt"] >= answered["metadata"]["startedAt"]
    assert state["finished"]["finishReason"] in ("stop", None)  # 5 does not tell it
    assert comparable(reload(chat.id, reasoning=1)) == comparable(state["messages"])


def test_a_second_reader_gets_the_whole_turn_and_a_stop_from_elsewhere_ends_it_for_all(
    sdk, webs, key, provider, reload
):
    held = StepwiseText(["It begins", " and goes on", " for ever"])
    text = provider.script(f"is stopped with ai {sdk.version}", held.answer)
    first = sdk.chat(webs[0], key)
    first.send(text)
    held.send()
    first.until_text("It begins")
    second = sdk.chat(webs[1], key, first.id, messages=reload(first.id))
    second.resume()
    held.send()
    second.until_text("It begins and goes on")
    stopped = fetch(f"{webs[1]}/ai/chat/{first.id}/stop", "POST", headers={"X-API-Key": key})
    assert stopped.json() == {"stopped": True}
    seen = [reader.settled()["messages"] for reader in (first, second)]
    assert comparable(seen[0]) == comparable(seen[1]) == comparable(reload(first.id))
    assert said(seen[0][-1]) == "It begins and goes on"
    assert seen[0][-1]["metadata"]["interrupted"] is True
    held.finish()
    second.start("resumeStream")  # nothing runs: 204
    assert second.settled()["messages"] == seen[1]


def test_a_turn_that_ends_between_the_two_requests_of_a_page_is_whole_there(sdk, webs, key, provider, reload):
    held = StepwiseText(["It begins", " and it ends."])
    text = provider.script(f"ends early with ai {sdk.version}", held.answer)
    first = sdk.chat(webs[0], key)
    first.send(text)
    held.send()
    first.until_text("It begins")
    beginning = reload(first.id, v=sdk.version)
    pages = [sdk.chat(webs[1], key, first.id, messages=beginning) for _ in range(1 if sdk.version == 5 else 2)]
    held.finish()
    whole = first.settled()["messages"]
    for page in pages:
        page.start("resumeStream")
        page.until_text("It begins and it ends.")
        assert comparable(page.settled()["messages"]) == comparable(whole)
    if sdk.version == 5:  # it would append what it has already
        address = f"{webs[1]}/ai/chat/{first.id}/stream"
        assert fetch(address, headers={"X-API-Key": key}).status_code == 204
    else:
        reloaded = sdk.chat(webs[1], key, first.id, messages=whole)
        reloaded.start("resumeStream")
        until(lambda: reloaded.state["finished"], what="the turn once more")
        assert comparable(reloaded.settled()["messages"]) == comparable(whole)


def test_an_answer_is_made_again_and_a_message_is_edited(sdk, chat, provider, reload):
    first = provider.script(f"asks with ai {sdk.version}", [Text(["One."])], [Text(["Another one."])])
    chat.send(first)
    chat.settled()
    chat.start("regenerate")
    chat.until_text("Another one.")
    regenerated = chat.settled()["messages"]
    assert [said(one) for one in regenerated] == [first, "Another one."]
    assert comparable(reload(chat.id)) == comparable(regenerated)
    second = provider.script(f"asks better with ai {sdk.version}", [Text(["Better."])])
    chat.send(second, messageId=regenerated[0]["id"])
    chat.until_text("Better.")
    edited = chat.settled()["messages"]
    assert [said(one) for one in edited] == [second, "Better."]
    assert edited[0]["id"] == regenerated[0]["id"]
    assert comparable(reload(chat.id)) == comparable(edited)


def test_errors_are_said_before_a_stream_and_in_it(sdk, webs, chat, provider, reload):
    refused = sdk.chat(webs[0], "wrong")
    refused.send("anything")
    assert "The API key is not valid" in refused.settled("error")["error"]
    text = provider.script(f"fails with ai {sdk.version}", [Fail(401)])
    chat.send(text)
    failed = chat.settled("error")
    assert failed["error"] == failed["messages"][-1]["metadata"]["error"]
    assert "secret" not in failed["error"]
    assert comparable(reload(chat.id)) == comparable(failed["messages"])
    provider.script(text, [Text(["Now it works."])])
    chat.start("regenerate")
    chat.until_text("Now it works.")
    assert [said(one) for one in chat.settled()["messages"]] == [text, "Now it works."]


def test_a_message_that_never_arrived_is_sent_by_an_attempt_to_answer_it_again(sdk, webs, key, provider):
    text = provider.script(f"arrives late with ai {sdk.version}", [Text(["There it is."])])
    lost = {"id": "lost-message-0001", "role": "user", "parts": [{"type": "text", "text": text}]}
    chat = sdk.chat(webs[0], key, messages=[lost])
    chat.start("regenerate")
    chat.until_text("There it is.")
    assert [one["role"] for one in chat.settled()["messages"]] == ["user", "assistant"]


def test_a_turn_of_200_tool_calls(sdk, chat, provider, reload):
    rounds = [[Calls([("Add", {"a": number, "b": one}) for number in range(50)])] for one in range(4)]
    chat.send(provider.script(f"adds 200 times with ai {sdk.version}", *rounds, [Text(["All added."])]))
    chat.until_text("All added.")
    messages = chat.settled()["messages"]
    assert [tool["output"] for tool in tools(messages[-1])] == [
        {"sum": number + one} for one in range(4) for number in range(50)
    ]
    assert comparable(reload(chat.id)) == comparable(messages)


@pytest.mark.parametrize("sdk", [6], indirect=True)
def test_the_blocks_of_the_docs_send_the_last_message_alone_and_pass_its_path_on(sdk, webs, key):
    configuration, transport, *_ = documented("js")
    script = f"{configuration}; module.exports.rewrites().then((found) => console.log(JSON.stringify(found)))"
    rewrites = json.loads(processes.run([needed("node"), "-e", script], check=True).stdout)
    assert {"source": "/ai/:path*", "destination": "http://127.0.0.1:8000/ai/:path*"} in rewrites
    assert transport.count('"/ai/chat?v=6"') == 1
    chat = sdk.chat(webs[0], key, code=transport.replace('"/ai/chat?v=6"', f'"{webs[0]}/ai/chat?v=6"'))
    for number in ("2", "3"):
        chat.send(f"count to {number}")
        chat.until_text(number)
        chat.settled()
    assert [said(one) for one in chat.messages] == ["count to 2", "1 2", "count to 3", "1 2 3"]


def test_a_page_whose_web_process_is_killed_reads_on_at_another_one(sdk, backend, webs, key, provider, reload):
    dying, url = backend.web()
    held = StepwiseText(["It begins", " and it ends."])
    text = provider.script(f"outlives a web process with ai {sdk.version}", held.answer)
    chat = sdk.chat(url, key)
    chat.send(text)
    held.send()
    chat.until_text("It begins")
    dying.kill()
    broken = chat.settled("error")
    kept = reload(chat.id) if sdk.version == 5 else broken["messages"]  # 5 would append to what it has
    elsewhere = sdk.chat(webs[1], key, chat.id, messages=kept)
    elsewhere.resume()
    held.send()
    elsewhere.until_text("It begins and it ends.")
    assert comparable(elsewhere.settled()["messages"]) == comparable(reload(chat.id))


MAP = {"name": "ShowMap", "parameters": {"properties": {"at": {"type": "string"}}}}


def test_a_tool_of_the_client_runs_there_and_the_turn_goes_on_in_its_message(sdk, webs, key, provider, reload):
    calls = [Text(["Look: "]), Calls([("ShowMap", {"at": "Rome"}), ("Add", {"a": 1})])]
    text = provider.script(f"shows a map with ai {sdk.version}", calls, [Text(["There it is."])])
    query = f"app=asking&v={sdk.version}"
    complete = "lastAssistantMessageIsCompleteWithToolCalls"
    chat = sdk.chat(webs[0], key, query=query, automatic=complete)
    chat.start("sendMessage", {"text": text}, {"body": {"tools": [MAP]}})
    chat.until_text("Look: ")
    (waiting,) = [part for part in chat.settled()["messages"][-1]["parts"] if part["type"] == "tool-ShowMap"]
    assert (waiting["state"], waiting["input"]) == ("input-available", {"at": "Rome"})
    assert comparable(reload(chat.id, v=sdk.version)) == comparable(chat.messages)
    result = {"toolCallId": waiting["toolCallId"], "tool": "ShowMap", "output": {"shown": True}}
    chat.start("addToolOutput", result)
    chat.until_text("Look: There it is.")
    messages = chat.settled()["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant"]
    assert comparable(reload(chat.id, v=sdk.version)) == comparable(messages)
    assert provider.requests(text)[-1].messages[-2]["content"] == '{"shown":true}'


@pytest.mark.parametrize("sdk", [6, all_tests_only(7)], indirect=True)
def test_a_call_is_approved_or_declined_and_a_second_reader_gets_all_of_the_message(sdk, webs, key, provider, reload):
    held = StepwiseText(["Done", " and over."])
    calls = [("Pay", {"to": name, "amount": 500}) for name in ("Bob", "Eve")]
    text = provider.script(f"pays with ai {sdk.version}", [Text(["I pay."]), Calls(calls)], held.answer)
    query = f"app=asking&v={sdk.version}"
    complete = "lastAssistantMessageIsCompleteWithApprovalResponses"
    chat = sdk.chat(webs[0], key, query=query, automatic=complete)
    chat.send(text)
    chat.until_text("I pay.")
    asked = chat.settled()["messages"]
    assert [tool["state"] for tool in tools(asked[-1])] == ["approval-requested"] * 2
    assert comparable(reload(chat.id, v=sdk.version)) == comparable(asked)
    first, second = (tool["approval"]["id"] for tool in tools(asked[-1]))
    chat.start("addToolApprovalResponse", {"id": first, "approved": True})
    chat.start("addToolApprovalResponse", {"id": second, "approved": False, "reason": "Not her"})
    held.send()
    chat.until_text("I pay.Done")
    reader = sdk.chat(webs[1], key, chat.id, query=query, messages=reload(chat.id, v=sdk.version))
    reader.resume()
    held.finish()
    for one in (chat, reader):
        one.until_text("I pay.Done and over.")
    seen = [one.settled()["messages"] for one in (chat, reader)]
    for messages in (*seen, reload(chat.id, v=sdk.version)):
        assert [one["role"] for one in messages] == ["user", "assistant"]
        assert said(messages[-1]) == "I pay.Done and over."
        paid, declined = tools(messages[-1])
        assert (paid["state"], paid["output"]) == ("output-available", {"paid": 500, "to": "Bob"})
        assert declined["state"] == "output-denied"
