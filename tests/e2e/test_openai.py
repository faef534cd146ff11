"""OpenAI's published package for Python, unchanged, over real HTTP: each test a client's whole way."""

from __future__ import annotations

import base64
import json
import threading
import uuid

import httpx
import openai
import pytest
from pydantic import BaseModel

from app.config import Settings
from app.state import redis_keys
from app.state.accounts.api_keys import ApiKeys
from app.state.responses.public_ids import PublicIds
from app.state.scripts import Store
from tests.support.backend import until
from tests.support.images import PNG
from tests.support.patience import patient
from tests.support.servers import Calls, Fail, Held, Text, Thoughts

QUESTION = "What is the current price of ETH?"
ANSWER = "The current price of ETH is $3,500.00."


class Greeting(BaseModel):
    hello: str


def opened(url, key):
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=patient(30))


@pytest.fixture
def api(webs, key):
    with opened(webs[0], key) as client:
        yield client


@pytest.fixture
def elsewhere(webs, key):
    """On another web process."""
    with opened(webs[1], key) as client:
        yield client


def sessions_in(redis):
    return {name for name in redis.scan_iter("session:*", count=1000) if name.count(b":") == 1}


def test_a_turn_with_a_tool_is_the_same_streamed_and_not(api):
    with api.responses.stream(model="default", input=QUESTION, metadata={"a": "b"}) as stream:
        events = list(stream)
        streamed = stream.get_final_response()
    whole = api.responses.create(model="default", input=QUESTION)
    for response in (streamed, whole):
        assert response.output_text == ANSWER
        assert response.status == "completed"
        assert [item.type for item in response.output] == ["message", "mcp_call", "message"]
        assert json.loads(response.output[1].output) == {"price": 3500.0}
        assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kept = api.responses.retrieve(streamed.id)
    assert (kept.output_text, kept.usage, kept.metadata) == (ANSWER, streamed.usage, {"a": "b"})
    (asked,) = api.responses.input_items.list(streamed.id).data
    assert asked.content[0].text == QUESTION


def test_a_second_reader_resumes_behind_any_event_and_a_cancel_elsewhere_ends_both(api, elsewhere, provider):
    gate = threading.Event()
    text = provider.script("two readers", [Thoughts(["Hm."]), Text(["one "]), Held(gate), Text(["two"])])
    with api.responses.create(model="scripted", input=text, stream=True) as first:
        seen = [next(first)]
        while seen[-1].type != "response.output_text.delta":
            seen.append(next(first))
        own_id = seen[0].response.id
        with elsewhere.responses.retrieve(own_id, stream=True, starting_after=2) as second:
            again = [next(second) for _ in seen[3:]]
            assert again == seen[3:]
            running = elsewhere.responses.retrieve(own_id)
            assert (running.status, running.output_text) == ("in_progress", "one ")
            assert elsewhere.responses.cancel(own_id).status == "cancelled"
            rest = list(first)
            assert list(second) == rest
    gate.set()
    assert rest[-1].type == "response.incomplete"
    assert [event.sequence_number for event in [*seen, *rest]] == list(range(len(seen) + len(rest)))
    assert api.responses.retrieve(own_id).output_text == "one "
    assert list(api.responses.retrieve(own_id, stream=True, starting_after=len(seen) + len(rest) - 2)) == rest[-1:]


@pytest.mark.long
def test_a_response_goes_on_when_its_web_is_killed_and_is_resumed_exactly(backend, key, elsewhere, provider):
    gate = threading.Event()
    text = provider.script("orphaned response", [Text(["one "]), Held(gate), Text(["two"])])
    process, url = backend.web()
    with opened(url, key) as client, client.responses.create(model="scripted", input=text, stream=True) as stream:
        seen = [next(stream)]
        while seen[-1].type != "response.output_text.delta":
            seen.append(next(stream))
        process.kill()
        with pytest.raises((openai.APIConnectionError, httpx.TransportError)):
            list(stream)
    gate.set()
    last = seen[-1].sequence_number
    rest = list(elsewhere.responses.retrieve(seen[0].response.id, stream=True, starting_after=last))
    assert [event.sequence_number for event in rest] == list(range(last + 1, last + 1 + len(rest)))
    assert rest[-1].response.output_text == "one two"
    assert len(provider.requests(text)) == 1


@pytest.mark.long
def test_200_calls_of_one_response_are_its_items_streamed_and_kept(api, elsewhere, provider):
    calls = [[Calls([("Add", {"a": number, "b": reply}) for number in range(50)])] for reply in range(4)]
    text = provider.script("adds 200 times", *calls, [Text(["Done."])])
    events = list(api.responses.create(model="scripted", input=text, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    response = events[-1].response
    added = [json.loads(item.output)["sum"] for item in response.output if item.type == "mcp_call"]
    assert added == [number + reply for reply in range(4) for number in range(50)]
    assert response.output_text == "Done."
    assert elsewhere.responses.retrieve(response.id).output == response.output
    assert list(elsewhere.responses.retrieve(response.id, stream=True, starting_after=9)) == events[10:]


def test_a_turn_that_fails_is_a_failed_response_and_an_error_of_a_completion(api, provider):
    text = provider.script("fail openly", [Fail(401)])
    events = list(api.responses.create(model="own", input=text, stream=True))
    assert (events[-1].type, events[-1].response.status) == ("response.failed", "failed")
    assert events[-1].response.error.message
    said = [{"role": "user", "content": text}]
    with pytest.raises(openai.APIError, match=r"\w"):
        list(api.chat.completions.create(model="own", messages=said, stream=True))
    with pytest.raises(openai.APIStatusError) as failed:
        api.chat.completions.create(model="own", messages=said)
    assert (failed.value.status_code, failed.value.response.headers["X-Should-Retry"]) == (502, "false")


def test_a_response_in_the_background_is_polled_elsewhere(api, elsewhere, provider):
    gate = threading.Event()
    text = provider.script("in the background", [Held(gate), Text(["done"])])
    response = api.responses.create(model="scripted", input=text, background=True)
    assert response.status in ("queued", "in_progress")
    assert response.background
    gate.set()
    until(lambda: elsewhere.responses.retrieve(response.id).status == "completed")
    assert elsewhere.responses.retrieve(response.id).output_text == "done"


def test_a_conversation_is_kept_read_in_pages_and_deleted(api, elsewhere, provider):
    conversation = api.conversations.create(metadata={"topic": "numbers"})
    assert api.conversations.retrieve(conversation.id).metadata == {"topic": "numbers"}
    for number in ("one", "two"):
        text = provider.script(f"say {number}", [Text([number])])
        response = api.responses.create(model="scripted", input=text, conversation=conversation.id)
        assert response.conversation.id == conversation.id
    assert [message["content"] for message in provider.requests("say two")[0].messages[1:]] == [
        *("say one", "one", "say two"),
    ]
    items = list(elsewhere.conversations.items.list(conversation.id, limit=1, order="asc"))
    assert [item.content[0].text for item in items] == ["say one", "one", "say two", "two"]
    (last,) = response.output
    assert items[-1].id == last.id
    assert api.conversations.items.retrieve(last.id, conversation_id=conversation.id).content[0].text == "two"
    with pytest.raises(openai.ConflictError):
        api.responses.delete(response.id)
    new = [{"type": "message", "role": "user", "content": "keep this"}]
    (added,) = api.conversations.items.create(conversation.id, items=new).data
    assert elsewhere.conversations.items.list(conversation.id).data[0].id == added.id
    text = provider.script("what is kept", [Text(["that"])])
    api.responses.create(model="scripted", input=text, conversation=conversation.id)
    assert "keep this" in str(provider.requests(text)[0].messages)
    assert api.conversations.delete(conversation.id).deleted
    with pytest.raises(openai.NotFoundError):
        api.responses.retrieve(response.id)


def test_a_response_has_its_text_and_usage_when_the_record_of_its_turn_is_gone(api, key, redis):
    response = api.responses.create(model="default", input="remember 7")
    store = Store(redis, Settings())
    turn = PublicIds(store).turn(response.id.removeprefix("resp_"), ApiKeys(store).find(key).id)
    assert api.responses.retrieve(response.id).usage.total_tokens > 0
    assert redis.delete(redis_keys.run(turn.session_id, turn.run_id), redis_keys.log(turn.session_id, turn.run_id)) == 2
    kept = api.responses.retrieve(response.id)
    assert (kept.status, kept.output_text, kept.usage) == ("completed", response.output_text, response.usage)


def test_two_that_follow_one_response_do_not_see_each_other(api, provider):
    for said in ("first", "left", "right"):
        provider.script(f"follow {said}", [Text([said])])
    first = api.responses.create(model="scripted", input="follow first")
    sides = [
        api.responses.create(model="scripted", input=f"follow {side}", previous_response_id=first.id)
        for side in ("left", "right")
    ]
    assert [side.previous_response_id for side in sides] == [first.id] * 2
    for side in ("left", "right"):
        seen = provider.requests(f"follow {side}")[0].messages[1:]
        assert [message["content"] for message in seen] == ["follow first", "first", f"follow {side}"]
    assert [api.responses.retrieve(one.id).output_text for one in (first, *sides)] == ["first", "left", "right"]
    with pytest.raises(openai.ConflictError):
        api.responses.delete(first.id)


def test_the_answer_is_an_object_of_the_clients_own_model(api, provider):
    text = provider.script("greet in json", [Text(['{"hello": "you"}'])])
    response = api.responses.parse(model="scripted", input=text, text_format=Greeting)
    assert response.output_parsed == Greeting(hello="you")
    completion = api.chat.completions.parse(
        model="scripted", messages=[{"role": "user", "content": text}], response_format=Greeting
    )
    assert completion.choices[0].message.parsed == Greeting(hello="you")
    formats = [seen.body["response_format"] for seen in provider.requests(text)]
    assert formats[0] == formats[1]


def test_an_image_in_the_message_reaches_the_model_in_both_apis(api, provider):
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    text = provider.script("what is in it", [Text(["a square"])])
    parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": url, "detail": "auto"}]
    response = api.responses.create(model="seeing", input=[{"role": "user", "content": parts}])
    asked = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
    completion = api.chat.completions.create(model="seeing", messages=[{"role": "user", "content": asked}])
    assert response.output_text == completion.choices[0].message.content == "a square"
    for seen in provider.requests(text):
        assert seen.messages[-1]["content"][1]["image_url"]["url"] == url


def test_a_completion_has_the_clients_history_and_leaves_nothing(api, provider, redis):
    before = sessions_in(redis)
    text = provider.script("and now", [Calls([("Add", {"a": 1, "b": 2})])], [Text(["three"])])
    history = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hi"},
        {"role": "user", "content": text},
    ]
    whole = api.chat.completions.create(model="scripted", messages=history)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("three", "stop")
    assert whole.usage.total_tokens > 0
    provider.script("and now", [Text(["th", "ree"])])
    options = {"include_usage": True}
    chunks = list(api.chat.completions.create(model="scripted", messages=history, stream=True, stream_options=options))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "three"
    assert chunks[-1].usage.total_tokens > 0
    said = [(message["role"], message["content"]) for message in provider.requests("and now")[-1].messages[1:]]
    assert said == [("user", "Be kind.\n\nhello"), ("assistant", "hi"), ("user", text)]
    unstored = api.responses.create(model="scripted", input=history, store=False)
    assert unstored.output_text == "three"
    with pytest.raises(openai.NotFoundError):
        api.responses.retrieve(unstored.id)
    until(lambda: not sessions_in(redis) - before, what="the erasure of the sessions")
    until(lambda: not redis.zcard("temporary-sessions"), what="the end of their entries")


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_completion_ends_with_its_client(webs, key, provider, is_streamed):
    text = provider.script(f"close {is_streamed}", [Text(["so far"]), Held(threading.Event())])
    body = {"model": "scripted", "messages": [{"role": "user", "content": text}], "stream": is_streamed}
    headers = {"Authorization": f"Bearer {key}"}

    def close_after_the_first_text():
        with httpx.stream("POST", f"{webs[0]}/v1/chat/completions", json=body, headers=headers, timeout=1) as answer:
            for line in answer.iter_lines():
                if "so far" in line:
                    return

    if is_streamed:
        close_after_the_first_text()
    else:
        with pytest.raises(httpx.ReadTimeout):
            close_after_the_first_text()
    until(lambda: provider.requests(text)[0].hung_up.is_set(), what="the end of the model call")


def test_a_request_with_an_idempotency_key_is_answered_once(api, provider):
    text = provider.script("once", [Text(["once"])], [Text(["twice"])])
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (api.responses.create(model="scripted", input=text, extra_headers=headers) for _ in range(2))
    assert (first.id, first.output_text) == (second.id, second.output_text)
    with pytest.raises(openai.ConflictError):
        api.responses.create(model="scripted", input="another", extra_headers=headers)


def test_a_client_runs_its_own_function_and_a_person_approves_a_tool(api, provider):
    function = {"type": "function", "name": "ShowMap", "parameters": {"type": "object", "properties": {"at": {}}}}
    calls = [("ShowMap", {"at": "Rome"}), ("Repeat", {"word": "a"})]
    text = provider.script("map and repeat", [Calls(calls)], [Text(["There it is."])])
    asked = api.responses.create(model="asking", input=text, tools=[function])
    assert asked.status == "completed"
    kinds = [item.type for item in asked.output]
    assert kinds == ["function_call", "mcp_call", "mcp_approval_request"]
    call, _, approval = asked.output
    output = {"type": "function_call_output", "call_id": call.call_id, "output": '{"shown": true}'}
    with pytest.raises(openai.ConflictError):  # the other call waits
        api.responses.create(model="asking", input=[output], previous_response_id=asked.id)
    said = {"type": "mcp_approval_response", "approval_request_id": approval.id, "approve": True}
    for wrong in ([said | {"approve": False, "reason": "x" * 4001}], [said | {"reason": {"a": 1}}], [said] * 65):
        with pytest.raises(openai.BadRequestError):
            api.responses.create(model="asking", input=wrong, previous_response_id=asked.id)
    gone_on = api.responses.create(model="asking", input=[said], previous_response_id=asked.id)
    assert (gone_on.output_text, gone_on.previous_response_id) == ("There it is.", asked.id)
    assert (gone_on.output[0].type, gone_on.output[0].arguments) == ("mcp_call", '{"word":"a"}')
    assert api.responses.retrieve(gone_on.id).output == gone_on.output
    with pytest.raises(openai.ConflictError):  # the other one follows it
        api.responses.delete(asked.id)
    tools = [message for message in provider.requests(text)[-1].messages if message["role"] == "tool"]
    assert tools[0]["content"] == '"{\\"shown\\": true}"'
    with pytest.raises(openai.NotFoundError):
        api.responses.create(model="asking", input=[said], previous_response_id=asked.id)
    again = provider.script("repeat alone", [Calls(calls[1:])])
    with pytest.raises(openai.ConflictError):
        api.with_options(max_retries=2).chat.completions.create(
            model="asking", messages=[{"role": "user", "content": again}]
        )
    assert len(provider.requests(again)) == 1  # a retry would wait for the same person


def test_an_id_is_of_no_use_with_another_key(api, webs, redis):
    response = api.responses.create(model="default", input="remember 1")
    conversation = api.conversations.create()
    another = ApiKeys(Store(redis, Settings())).issue(("*",), "another")
    with opened(webs[1], another) as stranger:
        for use in (
            lambda: stranger.responses.retrieve(response.id),
            lambda: stranger.responses.cancel(response.id),
            lambda: stranger.responses.create(model="default", input="x", previous_response_id=response.id),
            lambda: stranger.conversations.items.list(conversation.id),
            lambda: stranger.responses.create(model="default", input="x", conversation=conversation.id),
        ):
            with pytest.raises(openai.NotFoundError):
                use()


def test_models_are_the_apps_that_the_key_opens(api, webs, redis):
    assert {"default", "scripted"} <= {model.id for model in api.models.list()}
    assert api.models.retrieve("scripted").object == "model"
    narrow = ApiKeys(Store(redis, Settings())).issue(("own",), "narrow")
    with opened(webs[0], narrow) as client:
        assert [model.id for model in client.models.list()] == ["default", "own"]
        with pytest.raises(openai.PermissionDeniedError):
            client.models.retrieve("scripted")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "param"),
    [
        ("GET", "/v1/nothing", None, 404, None),
        ("PUT", "/v1/models", None, 405, None),
        ("POST", "/v1/responses", {"model": "default"}, 400, "input"),
        ("POST", "/v1/responses", {"model": "default", "input": "x", "temperature": 0.2}, 400, "temperature"),
        ("POST", "/v1/responses", {"model": "default", "input": "x", "tools": [{"type": "web_search"}]}, 400, "tools"),
        ("POST", "/v1/responses", {"model": "default", "input": "x", "instructions": "Be rude"}, 400, "instructions"),
        ("POST", "/v1/chat/completions", {"model": "default", "messages": [], "n": 2}, 400, "n"),
        ("POST", "/v1/chat/completions", {"model": "default", "messages": []}, 400, "messages"),
        (
            "POST",
            "/v1/chat/completions",
            {"model": "no such app", "messages": [{"role": "user", "content": "x"}]},
            404,
            None,
        ),
        ("GET", "/v1/responses/resp_AAAA", None, 404, None),
    ],
)
def test_errors_are_in_openais_form(webs, key, method, path, body, status, param):
    answer = httpx.request(method, f"{webs[0]}{path}", json=body, headers={"Authorization": f"Bearer {key}"})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param)
    assert error["message"]
    assert error["type"] == "invalid_request_error"


def test_a_wrong_key_and_a_large_body_are_refused_in_openais_form(webs):
    answer = httpx.get(f"{webs[0]}/v1/models", headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    answer = httpx.post(f"{webs[0]}/v1/chat/completions", content=b" " * (9 * 1024 * 1024))
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "invalid_request_error")


def test_the_default_app_needs_no_key(webs):
    with opened(webs[0], "no-key") as client:
        response = client.responses.create(model="default", input="remember 1")
        assert client.responses.retrieve(response.id).status == "completed"
