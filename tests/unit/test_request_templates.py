"""Requests that are sent as litellm sent one before them, with a real HTTP server as the provider."""

from __future__ import annotations

import gc
import json
import weakref

import pytest

from tests.support.patience import until
from tests.support.servers import answer_json, serving
from workers.loop_thread import LoopThread
from workers.models import call, litellm_setup, request_templates
from workers.models.call import CallFailed, StreamedCall
from workers.models.reply_builder import ReplyBuilder
from workers.models.request_templates import RequestTemplate, RequestTemplates

SENT = {"stream": True, "stream_options": {"include_usage": True}, "max_retries": 0, "timeout": 30}
TOOL = {"type": "function", "function": {"name": "price", "parameters": {"type": "object", "properties": {}}}}
CALLED = {"id": "call_1", "type": "function", "function": {"name": "price", "arguments": "{}"}}
SYSTEM, ASKED = {"role": "system", "content": "Be brief 😀"}, {"role": "user", "content": 'an "é" \u2028 \x00'}
TALK = [
    SYSTEM,
    ASKED,
    {"role": "assistant", "content": None, "tool_calls": [CALLED]},
    {"role": "tool", "tool_call_id": "call_1", "content": "3,500"},
    {"role": "assistant", "content": "3,500"},
    {"role": "user", "content": "thanks"},
]
PICTURE = {"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,aGk="}]}


class Provider:
    """Keeps what it is sent, and answers with `answer(request)`, or a stream of two words."""

    def __init__(self):
        self.requests = []
        self.answer = streamed

    def handle(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.requests.append((request.path, dict(request.headers.items()), json.loads(body)))
        self.answer(request)

    @property
    def last_two(self):
        """The last two requests, without what says how long they are."""
        return [
            (path, {name.lower(): value for name, value in headers.items() if name.lower() != "content-length"}, body)
            for path, headers, body in self.requests[-2:]
        ]


def streamed(request, status=200):
    request.send_response(status)
    request.send_header("Content-Type", "text/event-stream")
    request.end_headers()
    for delta in ({"role": "assistant", "content": "Hello"}, {"content": " there"}, {}):
        choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
        request.wfile.write(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
    request.wfile.write(b"data: [DONE]\n\n")
    request.close_connection = True


class Caller:
    """Makes calls on one loop, with one set of templates; `through_litellm` counts those that litellm made."""

    def __init__(self, url, loop, monkeypatch):
        self.url, self.loop = url, loop
        self.templates = RequestTemplates()
        self.through_litellm = 0
        ask = call.litellm.acompletion

        async def counting(**params):
            self.through_litellm += 1
            return await ask(**params)

        monkeypatch.setattr(call.litellm, "acompletion", counting)

    def call(self, messages, **more):
        params = {"model": "openai/m", "api_base": f"{self.url}/v1", "api_key": "sk-one", **SENT, **more}
        params["messages"] = json.loads(json.dumps(messages))
        one = StreamedCall(params, ReplyBuilder(lambda _: None), 30, lambda _: None, templates=self.templates)
        return self.loop.submit(one.run()).result(60).text


@pytest.fixture(scope="module")
def loop():
    litellm_setup.configure()
    running = LoopThread("tests")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def caller(provider, loop, monkeypatch):
    with serving(provider.handle) as url:
        made = Caller(url, loop, monkeypatch)
        yield made
        loop.submit(made.templates.close()).result(60)


@pytest.mark.parametrize("model", ["openai/m", "openrouter/openai/m", "hosted_vllm/m"])
@pytest.mark.parametrize("more", [{}, {"tools": [TOOL], "tool_choice": "auto", "temperature": 0.5}])
def test_the_second_request_is_that_of_litellm_in_all_but_its_messages(caller, provider, model, more):
    first, second = TALK[:2], [SYSTEM, {"role": "user", "content": "other words"}]
    assert [caller.call(talk, model=model, **more) for talk in (first, second)] == ["Hello there"] * 2
    assert caller.through_litellm == 1
    (path, headers, body), (later_path, later_headers, later_body) = provider.last_two
    assert (path, headers, body | {"messages": second}) == (later_path, later_headers, later_body)
    assert body["messages"] == first


def test_a_kind_of_message_is_sent_so_once_litellm_has_sent_one_unchanged(caller, provider):
    for talk in (TALK[:2], TALK, TALK[:2], TALK, TALK[:5]):
        caller.call(talk, tools=[TOOL])
    assert caller.through_litellm == 2
    sent = [{name: value for name, value in one.items() if value is not None} for one in TALK]
    assert [body["messages"] for _, _, body in provider.requests] == [sent[:2], sent, sent[:2], sent, sent[:5]]


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 1},
        {"temperature": True},
        {"temperature": 0.1},
        {"api_key": "sk-two"},
        {"model": "openai/other"},
        {"tools": [TOOL]},
        {"user": "u"},
    ],
)
def test_other_arguments_go_through_litellm(caller, provider, other):
    caller.call(TALK[:2], temperature=1.0)
    caller.call(TALK[:2], **other)
    assert caller.through_litellm == 2


def test_what_litellm_changes_goes_through_it_each_time(caller, provider):
    for _ in range(2):
        caller.call([SYSTEM, PICTURE])
    assert caller.through_litellm == 2
    assert provider.requests[-1][2]["messages"][1]["content"][0]["image_url"] == {"url": "data:image/png;base64,aGk="}


def test_a_picture_goes_through_litellm_though_it_is_sent_as_it_is(caller):
    as_sent = PICTURE | {"content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]}
    for _ in range(2):
        caller.call([SYSTEM, as_sent])
    assert caller.through_litellm == 2


def test_a_template_goes_after_its_time_and_the_key_with_it(caller, monkeypatch):
    monkeypatch.setattr(request_templates, "SECONDS", 0.05)
    caller.call(TALK[:2])
    until(lambda: not caller.templates._known, what="the end of the template")
    caller.call(TALK[:2])
    assert caller.through_litellm == 2


def test_a_template_that_goes_while_its_request_is_answered_stays_gone(caller, provider):
    caller.call(TALK[:2])

    def slowly(request):
        caller.templates._known.clear()
        streamed(request)

    provider.answer = slowly
    assert caller.call(TALK[:2]) == "Hello there"
    assert caller.through_litellm == 1
    assert not caller.templates._known


def test_one_that_made_room_for_others_is_not_kept(caller, monkeypatch):
    monkeypatch.setattr(request_templates, "MOST", 1)
    made = []
    monkeypatch.setattr(request_templates, "RequestTemplate", lambda *args: _seen(made, RequestTemplate(*args)))
    for name in ("a", "b", "c"):
        caller.call(TALK[:2], model=f"openai/{name}")
    gc.collect()
    assert [one() is not None for one in made] == [False, False, True]


def _seen(made, template):
    made.append(weakref.ref(template))
    return template


def test_a_library_that_has_changed_costs_no_call(caller, monkeypatch, caplog):
    async def changed(*_):
        raise AttributeError("a library has changed")

    monkeypatch.setattr(request_templates, "prepare", changed)
    assert [caller.call(TALK[:2]) for _ in range(2)] == ["Hello there"] * 2
    assert caller.through_litellm == 2
    until(lambda: gc.collect() >= 0 and "a library has changed" in caplog.text, what="the error in the log")


def test_a_template_keeps_no_message(caller):
    caller.call(TALK)
    (template,) = caller.templates._known.values()
    kept = [getattr(template, name) for name in template.__dataclass_fields__] + [
        vars(template.post),
        vars(template.post._request),
    ]
    assert "sk-one" in str(kept)
    assert "3,500" not in str(kept)


def test_so_many_are_kept(caller, monkeypatch):
    monkeypatch.setattr(request_templates, "MOST", 2)
    for name in ("a", "b", "c", "c", "b", "a"):
        caller.call(TALK[:2], model=f"openai/{name}")
    assert caller.through_litellm == 4


def of_schema(*names):
    properties = {name: {"type": "string"} for name in names}
    return {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "properties": properties}}}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"response_format": of_schema("why", "answer")}, {"response_format": of_schema("answer", "why")}),
        ({"extra_body": {"echo": 1}}, {"extra_body": {"echo": True}}),
    ],
)
def test_arguments_that_only_python_takes_for_equal_are_others(caller, provider, first, second):
    """A model writes the fields of a schema in their order."""
    caller.call(TALK[:2], **first)
    caller.call(TALK[:2], **second)
    sent = provider.requests[-1][2]
    wanted = second.get("extra_body", second)
    assert json.dumps({name: sent[name] for name in wanted}) == json.dumps(wanted)


def test_arguments_that_change_in_place_are_others(caller, provider):
    tools = json.loads(json.dumps([TOOL]))
    caller.call(TALK[:2], tools=tools)
    tools[0]["function"]["description"] = "new"
    caller.call(TALK[:2], tools=tools)
    assert provider.requests[-1][2]["tools"][0]["function"]["description"] == "new"


def test_a_provider_that_litellm_tells_by_its_address_has_no_template(caller, provider, monkeypatch):
    monkeypatch.setenv("http_proxy", caller.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for _ in range(2):
        caller.call(TALK[:2], model="deepseek-of-tomorrow", api_base="http://api.deepseek.com/v1")
    assert caller.through_litellm == 2
    assert {path for path, _, _ in provider.requests} == {"http://api.deepseek.com/v1/chat/completions"}


def test_a_field_of_another_type_is_not_sent_unseen(caller, provider):
    """vLLM takes a text as reasoning, and litellm leaves out all else."""
    for thought in ("so", ["so"]):
        caller.call(
            [ASKED, {"role": "assistant", "content": "a", "reasoning_content": thought}, ASKED], model="hosted_vllm/m"
        )
    assert "reasoning_content" not in provider.requests[-1][2]["messages"][1]


def test_behind_a_response_that_only_litellm_can_read_it_is_asked_again(caller, provider):
    caller.call(TALK[:2])
    provider.answer = lambda request: streamed(request, 201)
    with pytest.raises(CallFailed) as caught:
        caller.call(TALK[:2])
    assert caught.value.failure.error.retryable
    assert caller.call(TALK[:2]) == "Hello there"
    assert caller.through_litellm == 2


def test_one_in_use_is_kept_before_later_ones(caller, monkeypatch):
    monkeypatch.setattr(request_templates, "MOST", 2)
    for name in ("a", "b", "a", "c", "a"):
        caller.call(TALK[:2], model=f"openai/{name}")
    assert caller.through_litellm == 3


def refusing(status):
    def answer(request):
        answer_json(request, status, {"error": {"message": "no", "code": "some_code"}})

    return answer


def page(request):
    request.send_response(200)
    request.send_header("Content-Type", "text/html")
    request.send_header("Content-Length", "4")
    request.end_headers()
    request.wfile.write(b"<p/>")


def hung_up(request):
    request.close_connection = True
    request.connection.close()


def cut(request):
    request.send_response(200)
    request.send_header("Content-Type", "text/event-stream")
    request.end_headers()
    request.wfile.write(b'data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n')
    request.close_connection = True


def moved(request):
    request.send_response(307)
    request.send_header("Location", "/elsewhere")
    request.send_header("Content-Length", "0")
    request.end_headers()


FAULTS = [refusing(400), refusing(401), refusing(404), refusing(429), refusing(500), page, moved, hung_up, cut]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_the_same_without_litellm(caller, provider, fault):
    def failure():
        with pytest.raises(CallFailed) as caught:
            caller.call(TALK[:2])
        error, said = caught.value.failure.error, caught.value.failure.said
        return type(error), error.message, vars(error).get("retry_after"), said.status, said.codes

    provider.answer = fault
    through_litellm = failure()
    provider.answer = streamed
    caller.call(TALK[:2])
    provider.answer = fault
    before = caller.through_litellm
    assert failure() == through_litellm
    assert caller.through_litellm == before
    assert bool(caller.templates._known) == (fault not in (page, moved)), "another server may be there now"
