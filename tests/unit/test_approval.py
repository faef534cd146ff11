"""Which calls wait for a person, and what becomes of those that were answered."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from app.catalog.apps import App, McpTool
from app.checks.approvals import without_a_tool
from app.errors import BadRequest, ConfigError
from app.events import sse
from app.state.open_calls.records import Asked, CallAnswer, OpenCalls, Question
from app.web.messages import client_tools
from workers import turn
from workers.cancellation import CancelToken
from workers.jobs.answered_calls import with_results
from workers.jobs.asking_toolbox import AskingToolbox
from workers.models.prompt.messages import PromptWriter
from workers.models.prompt.rules import Rules
from workers.reply import ToolRequest
from workers.tools import Tool, ToolContext, load, needs_approval


def Move(amount: int, to: str = "Bob") -> int:
    """Move money."""
    return amount


@needs_approval
def Erase(name: str) -> None:
    """Erase a file."""


@needs_approval(when=lambda amount: amount > 100)
def Pay(amount: int, to: str = "Bob") -> int:
    """Pay."""
    return amount


@needs_approval(when=lambda **args: args["missing"])
def Broken(amount: int) -> int:
    """Ask when the rule fails, too."""
    return amount


@needs_approval(when=lambda amont: amont > 100)
def Misspelt(amount: int) -> int:
    """Have a rule that fits nothing."""
    return amount


TOOLS = {function.__name__: Tool(function, f"shop:{function.__name__}") for function in (Move, Erase, Pay, Broken)}
SHOW = {"type": "function", "function": {"name": "Show", "parameters": {"type": "object"}}}


def mcp_tool(server, name, model_name=None):
    return SimpleNamespace(name=model_name or f"{server}__{name}", tool=name, schema={}, has_steps=False)


def kind(name, arguments="{}", approve=(), tools=TOOLS):
    box = AskingToolbox(None, tools, ToolContext(), approve, [SHOW])
    return box.asks(ToolRequest("c", name, arguments))


@pytest.mark.parametrize(
    ("name", "arguments", "asks"),
    [
        ("Move", '{"amount":500}', None),
        ("Erase", '{"name":"x"}', "approval"),
        ("Pay", '{"amount":500}', "approval"),
        ("Pay", '{"amount":100}', None),
        ("Pay", '{"amount":"much"}', None),  # the tool refuses it: nobody is asked
        ("Pay", '{"amount"', None),
        ("Broken", '{"amount":1}', "approval"),
        ("Show", "{}", "client_tool"),
        ("Show", "[", None),
        ("Unknown", "{}", None),
    ],
)
def test_a_tool_asks_by_its_rule_and_a_client_tool_always(name, arguments, asks):
    assert kind(name, arguments) == asks


@pytest.mark.parametrize("pattern", ["Move", "shop:Move", "M*", "shop:*", "*"])
def test_an_app_names_tools_that_ask_by_name_path_or_pattern(pattern):
    assert kind("Move", '{"amount":1}', [pattern]) == "approval"
    assert kind("Move", '{"amount":"x"}', [pattern]) is None
    assert kind("Move", '{"amount":1}', ["Mov", "move", "mcp:*"]) is None


@pytest.mark.parametrize(
    ("pattern", "asks"),
    [("mcp:files/*", True), ("mcp:files/del ete", True), ("mcp:*/del*", True), ("mcp:file/*", False), ("Move", False)],
)
def test_an_mcp_tool_is_named_as_its_server_calls_it(pattern, asks):
    tool = mcp_tool("files", "del ete", "files__del_ete_0123abcd")
    assert (kind(tool.name, "{}", [pattern], {tool.name: tool}) == "approval") is asks


def test_a_client_tool_never_takes_the_place_of_the_apps():
    box = AskingToolbox(SimpleNamespace(schemas=["own"]), {"Show": TOOLS["Move"]}, ToolContext(), (), [SHOW])
    assert box.schemas == ["own"]
    assert box.asks(ToolRequest("c", "Show", '{"amount":1}')) is None


def test_a_model_that_misuses_or_misspells_a_client_tool_is_told_so():
    box = AskingToolbox(lambda calls, token: iter(()), {"Move": TOOLS["Move"]}, ToolContext(), (), [SHOW])
    calls = (ToolRequest("c", "Show", '{"at'), ToolRequest("d", "Shov", "{}"))
    wrong, unknown = (result["error"] for _, result in box(calls, CancelToken()))
    assert wrong == "The arguments are not a JSON object"
    assert unknown == "There is no tool 'Shov'; there are: Move, Show"


def test_a_rule_with_a_parameter_that_the_tool_lacks_is_refused():
    with pytest.raises(ConfigError, match="'amont', which the tool does not have"):
        load(f"{__name__}:Misspelt", "aomi.yaml:1")


def test_a_pattern_that_names_no_tool_is_a_mistake_of_the_file():
    tools = ["GetTokenPrice", "shop:Pay", "mcp:files/read", "mcp:notes/*"]
    right = ["*", "Pay", "shop:*", "Get*", "mcp:files/read", "mcp:files/*", "mcp:notes/delete", "mcp:notes/*"]
    assert list(without_a_tool(right, tools)) == []
    wrong = ["Payy", "mcp:files/write", "mcp:note/*", "other:*"]
    assert [place for place, _ in without_a_tool(wrong, tools)] == [0, 1, 2, 3]
    assert "did you mean 'Pay'" in next(without_a_tool(wrong, tools))[1]


# The turn that goes on

ASKING = {
    "id": "run_1-0",
    "role": "assistant",
    "content": "",
    "created_at": "",
    "tool_calls": [{"call_id": name, "name": "Move", "args": {"amount": 1}} for name in ("a", "b", "c")],
    "tool_results": [],
}
USER = {"id": "m", "role": "user", "content": "move", "created_at": ""}


class OneStepTools:
    """Each call gives what `run` makes of it."""

    def __init__(self, run):
        self.run = run

    def __call__(self, calls, token):
        return ((call, self.run(call)) for call in calls)

    def goes_on(self, call, result):
        return False


def goes_on(messages, *answers, question=None, run=lambda call: call.args()):
    """Run approved calls, which give back their arguments; returns the messages, the calls that ask again, and what was
    emitted."""
    kind = "elicitation" if question else "approval"
    calls = tuple(Asked(answer.call_id, "Move", kind, question) for answer in answers)
    answered = OpenCalls("run_1-0", calls, "", {answer.call_id: answer for answer in answers})
    emitted = []
    return *with_results(messages, answered, OneStepTools(run), emitted.append, CancelToken()), emitted


def test_each_answered_call_gets_its_true_result_before_the_model_is_asked():
    answers = [
        CallAnswer("a", approve=True),
        CallAnswer("b", approve=True, args={"amount": 7}),
        CallAnswer.no("c", "No"),
    ]
    messages, _, emitted = goes_on([USER, ASKING, USER], *answers)
    declined = {"error": "declined", "message": "No"}
    assert emitted == [
        sse.tool_result("c", "Move", declined),
        sse.tool_result("a", "Move", {"amount": 1}),
        sse.tool_result("b", "Move", {"amount": 7}, {"amount": 7}),
    ]
    assert [result["call_id"] for result in messages[1]["tool_results"]] == ["c", "a", "b"]
    prompt = PromptWriter(Rules("openai/test")).write(messages)[0]
    assert [call["function"]["arguments"] for call in prompt[1]["tool_calls"]] == [
        '{"amount":1}',
        '{"amount":7}',
        '{"amount":1}',
    ]


def test_an_answered_question_repeats_the_call_with_its_arguments_and_may_be_followed_by_another():
    question = Question("How many?", {"type": "object"}, args={"amount": 7})
    answers = [CallAnswer("a", approve=True, args={"seats": 2}), CallAnswer.no("b")]
    told = []

    def run(call):
        told.append((call.call_id, call.args(), call.replied.is_accepted, call.replied.content))
        return replace(question, message="And where?") if call.call_id == "a" else "as declined"

    _, asks, emitted = goes_on([USER, ASKING], *answers, question=question, run=run)
    assert told == [("a", {"amount": 7}, True, {"seats": 2}), ("b", {"amount": 7}, False, {})]
    assert [(ask.call_id, ask.kind, ask.question.message) for ask in asks] == [("a", "elicitation", "And where?")]
    assert emitted == [sse.tool_result("b", "Move", "as declined", {"amount": 7})]


def test_calls_whose_message_is_gone_end_the_turn():
    with pytest.raises(turn.MessageGone):
        goes_on([USER], CallAnswer("a", approve=True))


# Tools of clients


@pytest.mark.parametrize(
    ("tools", "problem"),
    [
        ("x", "must be a list"),
        ([{"type": "web_search"}], "must be a list"),
        ([{"name": "with space"}], "1 to 64 characters"),
        ([{"name": "x", "parameters": {"type": "array"}}], "of the type object"),
        ([{"name": "x", "parameters": {"anyOf": [{}]}}], "'anyOf' at the top level of its input schema"),
        ([{"name": "x", "parameters": {"properties": {"a": {"type": "text"}}}}], "'type' must be one of object"),
        ([{"name": "x", "parameters": {"properties": {"a": {"$ref": "#/$defs/b"}}}}], "leads out of it"),
        ([{"name": "x"}] * 2, "two tools with the name 'x'"),
        ([{"name": f"x{number}"} for number in range(65)], "at most 64 tools"),
        ([{"name": "x", "description": "y" * 70_000}], "at most 64 KiB"),
    ],
)
def test_tools_of_a_client_are_refused_in_words(tools, problem):
    with pytest.raises(BadRequest, match=re.escape(problem)):
        client_tools.tools_of(tools)


def test_tools_of_a_client_are_taken_in_openais_forms_and_names_of_the_app_are_refused():
    plain = {"name": "Show", "description": "", "parameters": {"type": "object", "properties": {}}}
    forms = [{"name": "Show"}, {"type": "function", "name": "Show"}, {"type": "function", "function": {"name": "Show"}}]
    assert [client_tools.tools_of([form]) for form in forms] == [[plain]] * 3
    assert client_tools.tools_of(None) == []
    app = App(id="a", model="m", tools=("shop:Pay", "mcp:files/*"), client_tools=True)
    assert app.mcp_tools == (McpTool("files", "*"),)
    assert client_tools.allowed_tools(app, [plain]) == ({"type": "function", "function": plain},)
    for taken in ("Pay", "files__read"):
        with pytest.raises(BadRequest, match="give yours another one"):
            client_tools.allowed_tools(app, [plain | {"name": taken}])
    with pytest.raises(BadRequest, match="takes no tools of clients"):
        client_tools.allowed_tools(App(id="a", model="m"), [plain])
