"""The replies of `demo/assistant`: no model, but the same shape. It calls the tools that the text mentions, streams
words, knows the conversation in the prompt, and always has the same reply for the same prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

PAUSE = 0.02
"""Seconds before each piece, so that one sees it stream."""

COINS = {"BITCOIN": "BTC", "ETHEREUM": "ETH", "ETHER": "ETH", "SOLANA": "SOL", "DOGECOIN": "DOGE"}
NOT_COINS = frozenset(
    ["A", "AN", "AND", "API", "I", "IN", "IS", "IT", "OF", "OK", "OR", "THE", "TO", "UTC", "USD", "WHAT"]
)

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Call:
    """A tool call; `arguments` is JSON."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Thinking:
    """A piece of what the demo thinks."""

    text: str


def reply(messages: Messages, tools: set[str]) -> Iterator[str | Thinking | Call]:
    """The pieces of the next reply to `messages` with the tools that are there. It thinks where the message says so."""
    asked, results = _since_last_question(messages)
    if re.search(r"\bthink\b", asked, re.IGNORECASE):
        yield from map(Thinking, _words(_thoughts(asked, results)))
    if results:
        yield from _words(_tell(results))
        return
    words, calls = _plan(asked, messages, tools)
    yield from _words(words)
    made = sum(len(message.get("tool_calls") or ()) for message in messages)
    for number, (name, args) in enumerate(calls, start=made + 1):
        yield Call(f"call_{number}", name, orjson.dumps(args).decode())


def _thoughts(asked: str, results: list[tuple[str, Any]]) -> str:
    if results:
        return f"The tools have given {len(results)} results, so I can answer."
    return f"The message has {len(asked.split())} words. I answer it at once."


def words_in(messages: Messages) -> int:
    """How many words it was sent: its tokens."""
    return sum(len(_content(message).split()) for message in messages)


def _plan(asked: str, messages: Messages, tools: set[str]) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    """The first words of a reply, and the tools to call then."""
    coins = _coins(asked)
    if re.search(r"\bwatch\b", asked, re.IGNORECASE) and coins:
        if "WatchTokenPrice" not in tools:
            return "I have no tool to watch prices in this app.", []
        args = {"symbol": coins[0], "times": _number(r"(\d+) times", asked, 3), "every": _seconds(asked)}
        return f"I watch the price of {coins[0]}. ", [("WatchTokenPrice", args)]
    if re.search(r"\bprices?\b", asked, re.IGNORECASE) and coins:
        if "GetTokenPrice" not in tools:
            return "I have no tool for prices in this app.", []
        what = "price" if len(coins) == 1 else "prices"
        verb = "is" if len(coins) == 1 else "are"
        return f"The current {what} of {_listed(coins)} {verb} ", [("GetTokenPrice", {"symbol": c}) for c in coins]
    if re.search(r"\btime\b", asked, re.IGNORECASE) and "GetCurrentTime" in tools:
        zone = re.search(r"\b[A-Z][a-z]+/[A-Z][A-Za-z_]+\b", asked)
        return "The time is ", [("GetCurrentTime", {"timezone": zone.group()} if zone else {})]
    if re.search(r"\b(?:dice|die)\b", asked, re.IGNORECASE) and "RollDice" in tools:
        return "The dice say ", [("RollDice", {"count": _number(r"(\d+) dice", asked, 1)})]
    return _small_talk(asked, messages), []


def _small_talk(asked: str, messages: Messages) -> str:
    if count := re.search(r"\bcount to (\d+)", asked, re.IGNORECASE):
        return " ".join(map(str, range(1, min(int(count.group(1)), 10_000) + 1)))
    if re.search(r"\bremember\b", asked, re.IGNORECASE) and "?" in asked:
        return _remembered(messages)
    if told := re.search(r"\bremember\b:?\s*(.+)", asked, re.IGNORECASE | re.DOTALL):
        return f"I will remember {told.group(1).strip().rstrip('.!')}."
    quoted = asked if len(asked) <= 200 else asked[:200] + "…"
    return (
        f"You said: “{quoted}” I am the demo assistant, no real model. Ask me for the price of ETH, to watch "
        "the price of BTC 3 times, for the time, to count to 100, or to remember something."
    )


def _remembered(messages: Messages) -> str:
    questions = [_content(message) for message in messages if message["role"] == "user"]
    for question in reversed(questions[:-1]):
        told = re.search(r"\bremember\b:?\s*(.+)", question, re.IGNORECASE | re.DOTALL)
        if told and "?" not in question:
            return f"You asked me to remember {told.group(1).strip().rstrip('.!')}."
    return "You have not asked me to remember anything in this thread."


def _tell(results: list[tuple[str, Any]]) -> str:
    """The answer out of the tools' results."""
    prices = [result for name, result in results if name in ("GetTokenPrice", "WatchTokenPrice")]
    if prices and results[0][0] == "WatchTokenPrice":
        return f"It is {_price(prices[0])} now; the next ones follow as they come."
    if prices:
        return f"{_listed([_price(result) for result in prices])}."
    return f"{_listed([_value(result) for _, result in results])}."


def _price(result: Any) -> str:
    if isinstance(result, dict) and isinstance(result.get("price"), int | float):
        return f"${result['price']:,.2f}"
    return _value(result)


def _value(result: Any) -> str:
    if isinstance(result, dict) and "error" in result:
        return f"not available ({str(result['error']).rstrip('.')})"
    if isinstance(result, dict) and "rolled" in result:
        return f"{result['sum']} in all"
    if isinstance(result, dict) and "time" in result:
        return str(result["time"])
    return orjson.dumps(result).decode()


def _since_last_question(messages: Messages) -> tuple[str, list[tuple[str, Any]]]:
    """The user's last message, and name and result of each tool call made since."""
    names: dict[str, str] = {}
    asked = ""
    results: list[tuple[str, Any]] = []
    for message in messages:
        if message["role"] == "user":
            asked, results = _content(message), []
        for call in message.get("tool_calls") or ():
            names[call["id"]] = call["function"]["name"]
        if message["role"] == "tool":
            results.append((names.get(message["tool_call_id"], ""), orjson.loads(message["content"])))
    return asked, results


def _content(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def _coins(text: str) -> list[str]:
    named = re.findall(r"\b[A-Z]{2,6}\b|\b(?:bitcoin|ethereum|ether|solana|dogecoin)\b", text, re.IGNORECASE)
    coins = [COINS.get(word.upper(), word) for word in named if word.isupper() or word.upper() in COINS]
    return list(dict.fromkeys(coin for coin in coins if coin not in NOT_COINS))


def _number(pattern: str, text: str, otherwise: int) -> int:
    found = re.search(pattern, text, re.IGNORECASE)
    return int(found.group(1)) if found else otherwise


def _seconds(text: str) -> float:
    found = re.search(r"every (\d+(?:\.\d+)?)", text, re.IGNORECASE)
    if found:
        return float(found.group(1))
    return 1.0


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _words(text: str) -> list[str]:
    """The text in pieces of one word with the space behind it."""
    return re.findall(r"\S+\s*", text)
