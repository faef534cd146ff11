"""Tools: what the model is told comes from signature and docstring, what it sends is checked against them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import pytest
from pydantic import Field

from app.errors import ConfigError
from workers.cancellation import CancelToken
from workers.tools import BUILT_IN, Tool, ToolContext, ToolError, load, resumable

NOT_A_FUNCTION = 7


def Buy(
    ctx: ToolContext,
    symbol: Annotated[str, Field(pattern="^[A-Z]+$")],
    amount: float,
    side: Literal["buy", "sell"] = "buy",
) -> list:
    """Buy a token.

    It is bought at once.

    Args:
        symbol: The token's symbol.
        amount: How much of it.
    """
    return [ctx.session_id, symbol, amount, side]


def Count(to: int):
    """Count."""
    yield from range(to)


@resumable
def Resume(context: ToolContext):
    """Count on."""
    yield context.step


@resumable
def ResumeBlindly(to: int):
    """Count on."""
    yield to


def Watch(context: ToolContext):
    """Count, with the context for something else."""
    yield context.session_id


def Mute(to: int):
    return to


def Star(*amounts: int):
    """Add up."""


def TwoContexts(one: ToolContext, two: ToolContext):
    """Count, twice."""


def Unusable(token: CancelToken):
    """Cancel."""


def WithCallback(to: int, then: Callable[[], None]):
    """Count, and call."""


def KaufÄpfel():
    """Buy apples."""


def too_long():
    """Buy."""


too_long.__name__ = "L" * 65
globals()[too_long.__name__] = too_long


async def Later() -> str:
    """Some day."""
    return "later"


async def CountLater(to: int):
    """Count."""
    for number in range(to):
        yield number


def Untyped(to):
    """Count."""


def Forward(to: Nowhere):  # noqa: F821
    """Count."""


def Rest(*symbols: str):
    """Buy all."""


def tool(function):
    return Tool(function, "tests")


# What the model is told


def test_the_schema_comes_from_signature_and_docstring_and_hides_the_context():
    assert tool(Buy).schema == {
        "type": "function",
        "function": {
            "name": "Buy",
            "description": "Buy a token.\nIt is bought at once.",
            "parameters": {
                "type": "object",
                "properties": {
                    "symbol": {
                        "type": "string",
                        "pattern": "^[A-Z]+$",
                        "title": "Symbol",
                        "description": "The token's symbol.",
                    },
                    "amount": {"type": "number", "title": "Amount", "description": "How much of it."},
                    "side": {"type": "string", "enum": ["buy", "sell"], "default": "buy", "title": "Side"},
                },
                "required": ["symbol", "amount"],
                "additionalProperties": False,
            },
        },
    }


@pytest.mark.parametrize(("function", "has_steps"), [(Buy, False), (Count, True), (Later, False), (CountLater, True)])
def test_a_generator_has_steps(function, has_steps):
    assert tool(function).has_steps is has_steps


@pytest.mark.parametrize(("function", "expected"), [(Count, False), (Watch, False), (Resume, True)])
def test_only_a_tool_that_declares_it_is_resumable(function, expected):
    assert tool(function).resumable is expected


# How it is run


def test_a_tool_gets_its_arguments_its_defaults_and_its_context():
    result = tool(Buy).run({"symbol": "ETH", "amount": 2}, ToolContext(session_id="s"))
    assert result == ["s", "ETH", 2.0, "buy"]


def test_a_multi_step_tool_gives_its_generator():
    assert list(tool(Count).run({"to": 3}, ToolContext())) == [0, 1, 2]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"symbol": "ETH"}, "amount: Field required"),
        ({"symbol": "eth", "amount": 1}, "symbol: String should match pattern '^[A-Z]+$'"),
        ({"symbol": "ETH", "amount": 1, "side": "hold"}, "side: Input should be 'buy' or 'sell'"),
        ({"symbol": "ETH", "amount": 1, "fee": 1}, "fee: Extra inputs are not permitted"),
        ({"symbol": "ETH", "amount": 1, "ctx": {}}, "ctx: Extra inputs are not permitted"),
        ({"symbol": 1}, "symbol: Input should be a valid string; amount: Field required"),
    ],
)
def test_wrong_arguments_are_told_to_the_model(args, message):
    with pytest.raises(ToolError) as raised:
        tool(Buy).run(args, ToolContext())
    assert str(raised.value) == f"Invalid arguments for Buy: {message}"


@pytest.mark.parametrize("symbol", ["../x", "ETH?x", "ETH#", "a.example", "ETH@x", "ETH\n", "ÉTH", "", "A" * 13])
def test_a_symbol_cannot_lead_the_price_tool_to_another_address(symbol):
    with pytest.raises(ToolError, match="symbol: String should"):
        load("GetTokenPrice", "aomi.yaml").run({"symbol": symbol}, ToolContext())


# How aomi.yaml names it


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_tool_is_loaded_by_its_name(name):
    assert load(name, "aomi.yaml").name == name


def test_an_async_tool_is_loaded_and_run():
    assert load(f"{__name__}:Later", "aomi.yaml").run({}, ToolContext()) == "later"
    assert list(load(f"{__name__}:CountLater", "aomi.yaml").run({"to": 3}, ToolContext())) == [0, 1, 2]


def test_a_tool_of_ones_own_is_loaded_by_module_and_function():
    assert load(f"{__name__}:Buy", "aomi.yaml").run({"symbol": "A", "amount": 1}, ToolContext())[1] == "A"


@pytest.mark.parametrize(
    ("name", "right"),
    [
        (
            "GetTokenPrise",
            "there is no tool 'GetTokenPrise', did you mean 'GetTokenPrice'.; use a built-in tool .GetTokenPrice, ",
        ),
        ("no_such_package.tools:Buy", "cannot be imported: No module named 'no_such_package'"),
        (f"{__name__}:Sell", "cannot be imported: .*'Sell'"),
        (f"{__name__}:NOT_A_FUNCTION", "must be a function or generator$"),
        (f"{__name__}:ToolContext", "must be a function or generator$"),
        (f"{__name__}:Mute", "has no docstring; "),
        (f"{__name__}:Untyped", "needs a type on each parameter: parameter 'to'"),
        (f"{__name__}:Rest", r"has \*symbols; \*args and \*\*kwargs are no arguments of a tool"),
        (f"{__name__}:Star", r"has \*amounts; \*args and \*\*kwargs are no arguments of a tool"),
        (f"{__name__}:TwoContexts", r"\(one, two\); a tool has one ToolContext at most"),
        (f"{__name__}:Unusable", "the type CancelToken of parameter 'token' cannot be an argument; use str, int, "),
        (f"{__name__}:WithCallback", "the type Callable.* of parameter 'then' cannot be an argument; use str, int, "),
        (f"{__name__}:KaufÄpfel", "has the name 'KaufÄpfel', which providers refuse; use at most 64 characters"),
        (f"{__name__}:{'L' * 65}", "which providers refuse; use at most 64 characters"),
        (f"{__name__}:ResumeBlindly", "is resumable, so it must be a generator with a ToolContext"),
        (f"{__name__}:Forward", "has a type that is not there: name 'Nowhere' is not defined"),
    ],
)
def test_a_tool_that_cannot_be_is_refused_with_what_would_be_right(name, right):
    with pytest.raises(ConfigError, match=f"^aomi.yaml: apps: .*{right}"):
        load(name, "aomi.yaml: apps")
