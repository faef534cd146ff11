"""The demo assistant: the same shape as a model, the same answer to the same question."""

from __future__ import annotations

import orjson
import pytest

from workers.models import demo
from workers.models.demo import Call

TOOLS = {"GetTokenPrice", "WatchTokenPrice", "GetCurrentTime"}


def requested(call_id, name, args):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": orjson.dumps(args).decode()}}


def answered(call_id, result):
    return {"role": "tool", "tool_call_id": call_id, "content": orjson.dumps(result).decode()}


def ask(text, *before, tools=TOOLS):
    """The pieces of the reply to `text`."""
    return list(demo.reply([*before, {"role": "user", "content": text}], tools))


def tell(name, *results):
    """The answer after calls of the tool `name` gave these results."""
    calls = [requested(f"call_{number}", name, {}) for number, _ in enumerate(results)]
    told = [answered(f"call_{number}", result) for number, result in enumerate(results)]
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": None, "tool_calls": calls}, *told]
    return "".join(demo.reply(messages, TOOLS))


def called(pieces):
    return [(piece.name, orjson.loads(piece.arguments)) for piece in pieces if isinstance(piece, Call)]


def words(pieces):
    return "".join(piece for piece in pieces if isinstance(piece, str))


def test_the_price_of_eth_is_words_and_then_a_call():
    assert ask("What is the current price of ETH?") == [
        "The ",
        "current ",
        "price ",
        "of ",
        "ETH ",
        "is ",
        Call("call_1", "GetTokenPrice", '{"symbol":"ETH"}'),
    ]


@pytest.mark.parametrize("coin", ["ETH", "ethereum", "Ether"])
def test_a_coin_may_be_named(coin):
    assert called(ask(f"the price of {coin} please")) == [("GetTokenPrice", {"symbol": "ETH"})]


def test_two_coins_are_two_calls_with_ids_of_their_own():
    pieces = ask("Prices of ETH and Bitcoin?")
    assert words(pieces) == "The current prices of ETH and BTC are "
    assert called(pieces) == [("GetTokenPrice", {"symbol": "ETH"}), ("GetTokenPrice", {"symbol": "BTC"})]
    assert [piece.call_id for piece in pieces if isinstance(piece, Call)] == ["call_1", "call_2"]


def test_call_ids_go_on_over_the_conversation():
    before = {"role": "assistant", "content": None, "tool_calls": [requested("call_1", "GetTokenPrice", {})]}
    assert ask("price of ETH", before)[-1].call_id == "call_2"


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("Watch the price of BTC", {"symbol": "BTC", "times": 3, "every": 1.0}),
        ("watch ETH 5 times every 0.5 seconds", {"symbol": "ETH", "times": 5, "every": 0.5}),
    ],
)
def test_watching_is_one_call(text, args):
    assert called(ask(text)) == [("WatchTokenPrice", args)]


@pytest.mark.parametrize(("text", "count"), [("Roll a die", 1), ("roll 3 dice!", 3)])
def test_dice_are_rolled_by_a_call(text, count):
    assert called(ask(text, tools={"RollDice"})) == [("RollDice", {"count": count})]


@pytest.mark.parametrize(
    ("text", "args"), [("What time is it?", {}), ("The time in Europe/Berlin?", {"timezone": "Europe/Berlin"})]
)
def test_the_time_is_a_call(text, args):
    assert called(ask(text)) == [("GetCurrentTime", args)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("What is the price of ETH?", "I have no tool for prices in this app."),
        ("Watch ETH", "I have no tool to watch prices in this app."),
        ("What time is it?", "You said: “What time is it?”"),
    ],
)
def test_without_its_tool_it_calls_none(text, said):
    pieces = ask(text, tools=set())
    assert words(pieces).startswith(said)
    assert called(pieces) == []


@pytest.mark.parametrize(
    ("name", "results", "said"),
    [
        ("GetTokenPrice", [{"price": 3500.0}], "$3,500.00."),
        ("GetTokenPrice", [{"price": 3500.0}, {"price": 0.5}], "$3,500.00 and $0.50."),
        ("GetTokenPrice", [{"error": "The price API cannot be reached."}], None),
        ("WatchTokenPrice", [{"step": 1, "price": 2.0}], "It is $2.00 now; the next ones follow as they come."),
        ("GetCurrentTime", [{"time": "2025-01-15T10:30:00+00:00"}], "2025-01-15T10:30:00+00:00."),
        ("RollDice", [{"rolled": [3, 4], "sum": 7}], "7 in all."),
        ("Other", [[1, 2]], "[1,2]."),
    ],
)
def test_results_are_told_in_words(name, results, said):
    assert tell(name, *results) == (said or "not available (The price API cannot be reached).")


def test_a_price_of_nothing_is_no_call():
    assert called(ask("What is the price?")) == []


def test_counting_ends_at_ten_thousand():
    assert ask("Count to 1000000")[-1] == "10000"


def test_counting_streams_number_by_number():
    assert ask("Count to 3") == ["1 ", "2 ", "3"]


@pytest.mark.parametrize("text", ["Remember 42", "Please remember: 42."])
def test_what_is_to_be_remembered_is_repeated(text):
    assert words(ask(text)) == "I will remember 42."


def test_what_was_remembered_is_known_later():
    before = [{"role": "user", "content": "Remember 42."}, {"role": "assistant", "content": "I will remember 42."}]
    assert words(ask("What did I ask you to remember?", *before)) == "You asked me to remember 42."


def test_a_question_is_nothing_to_remember():
    before = [{"role": "user", "content": "Remember 42"}, {"role": "user", "content": "Can you remember?"}]
    assert words(ask("What did I ask you to remember?", *before)) == "You asked me to remember 42."


def test_nothing_is_made_up_that_was_not_said():
    assert words(ask("What did I ask you to remember?")).startswith("You have not asked me")


def test_anything_else_is_repeated_with_what_can_be_asked():
    assert words(ask("Hello")).startswith("You said: “Hello” I am the demo assistant")


def test_a_long_text_is_repeated_in_part():
    assert words(ask("x" * 201)).startswith(f"You said: “{'x' * 200}…”")
    assert words(ask("x" * 200)).startswith(f"You said: “{'x' * 200}”")


def test_the_same_question_has_the_same_answer():
    assert ask("Hello ETH price") == ask("Hello ETH price")


def test_it_thinks_where_the_message_says_so():
    pieces = list(demo.reply([{"role": "user", "content": "think, then remember 7"}], set()))
    thoughts = [piece.text for piece in pieces if isinstance(piece, demo.Thinking)]
    assert "".join(thoughts) == "The message has 4 words. I answer it at once."
    assert all(isinstance(piece, demo.Thinking) for piece in pieces[: len(thoughts)])
    assert "".join(pieces[len(thoughts) :]) == "I will remember 7."
