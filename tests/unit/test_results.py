"""What a tool returns becomes plain JSON or an error in words; no address of an object in memory leaves."""

from __future__ import annotations

import json
import threading
from collections import ChainMap, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, HttpUrl, SecretStr

from workers.tools import ToolError
from workers.tools.results import ERROR_CHARACTERS, bounded, error_text, without_object_addresses

HUGE = 10**30
Point = namedtuple("Point", "x y")


class Shop:
    """No JSON."""


class Side(Enum):
    BUY = "buy"


class Text(str):
    """Text."""


@dataclass
class Order:
    item: str
    at: datetime


class Quote(BaseModel):
    price: Decimal
    at: datetime = datetime(2026, 1, 2, tzinfo=UTC)
    change: float = float("nan")


class Holder(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    shop: Shop


def itself() -> list:
    value = []
    value.append(value)
    return value


def doubled(times: int) -> list:
    """A value whose JSON has 2 to the power of `times` numbers."""
    value = [1]
    for _ in range(times):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    ("result", "plain"),
    [
        ({"price": 3500.0}, {"price": 3500.0}),
        (None, None),
        (True, True),
        (Text("word"), "word"),
        ((1, 2), [1, 2]),
        (Point(1, 2), [1, 2]),
        ({3}, [3]),
        (deque([1]), [1]),
        ({"a": 1}.values(), [1]),
        ({"a": 1}.keys(), ["a"]),
        (range(2), [0, 1]),
        (MappingProxyType({"a": ChainMap({"b": 1})}), {"a": {"b": 1}}),
        ({1: "one", None: 0, False: 1.5}, {"1": "one", "null": 0, "false": 1.5}),
        ({1.5: 1, Side.BUY: 2, date(2026, 1, 2): 3}, {"1.5": 1, "buy": 2, "2026-01-02": 3}),
        (HUGE, HUGE),
        ([float("nan"), float("inf"), HUGE], [None, None, HUGE]),
        (Fraction(1, 4), 0.25),
        (Decimal("1.50"), "1.50"),
        (UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (PurePosixPath("/srv/shop"), "/srv/shop"),
        (HttpUrl("https://shop.example/"), "https://shop.example/"),
        (SecretStr("hidden"), "**********"),
        (Side.BUY, "buy"),
        (Order("mug", datetime(2026, 1, 2)), {"item": "mug", "at": "2026-01-02T00:00:00"}),
        (Quote(price=Decimal("1.5")), {"price": "1.5", "at": "2026-01-02T00:00:00Z", "change": None}),
        (timedelta(minutes=1.5), 90.0),
        ("half \ud83d", "half ?"),
        ({"half \ud83d": 1}, {"half ?": 1}),
    ],
)
def test_what_has_a_plain_form_gets_it(result, plain):
    assert bounded(result, 1000) == plain
    json.dumps(bounded(result, 1000), allow_nan=False)


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (Shop(), "result is of type Shop"),
        (Shop, "result is of type type"),
        ({"items": [1, {"shop": Shop()}]}, "result['items'][1]['shop'] is of type Shop"),
        (Order(Shop(), datetime(2026, 1, 2)), "result['item'] is of type Shop"),
        (Holder(shop=Shop()), "result is of type Holder"),
        (b"\xff", "result is of type bytes; decode them, or write them as hex or base64"),
        (bytearray(b"text"), "result is of type bytearray; decode them, or write them as hex or base64"),
        (ValueError("odd"), "result is of type ValueError"),
        ((number for number in [1]), "result is of type generator"),
        (map(str, [1]), "result is of type map"),
        (threading.Lock(), "result is of type lock"),
        (1j, "result is of type complex"),
        (len, "result is of type builtin_function_or_method"),
        ({(1, 2): 3}, "result has a key of type tuple; use text"),
        ({"a": {b"b": 1}}, "result['a'] has a key of type bytes; use text"),
        ({1: "a", "1": "b"}, "result has two keys that are the same text"),
        ([10**5000], "result[0] is an integer of more than 4,000 digits"),
        ({"k" * 100: Shop()}, f"result['{'k' * 72}... is of type Shop"),
    ],
)
def test_what_has_none_is_an_error_that_names_place_and_type(result, problem):
    assert bounded(result, 1000) == {"error": f"The tool's result is no JSON: {problem}"}


@pytest.mark.parametrize(("result", "error"), [(itself(), "contains itself"), (doubled(60), "ask for less")])
def test_a_value_that_never_ends_ends(result, error):
    assert error in bounded(result, 1000)["error"]


def test_a_result_may_have_just_its_bytes():
    assert bounded("x" * 98, 100) == "x" * 98
    assert bounded("x" * 99, 100) == {"error": "The result has 101 bytes; at most 100 are allowed; ask for less"}


def test_the_log_has_the_place_and_the_type_and_nothing_of_the_data(caplog):
    bounded({"whispered": [1, Shop()]}, 1000)
    assert "is no JSON: result['...'][1] is of type Shop" in caplog.text
    assert "whispered" not in caplog.text


@pytest.mark.parametrize(
    "thing",
    [Shop(), Shop().__init__, lambda: 1, itself, (n for n in [1]), threading.Lock(), memoryview(b"x")],
)
def test_no_address_of_an_object_leaves_in_a_text(thing):
    assert "0x" in str(thing)
    assert "0x" not in bounded({f"{thing}": f"{thing}"}, 1000)["".join(bounded({f"{thing}": 1}, 1000))]
    assert "0x" not in error_text(ToolError(f"cannot sell {thing}"))


@pytest.mark.parametrize("text", ["at 0x52908400098527886E0F7030069857D2E4169EE7", "at 0x1234567890", "<b> at 0x1"])
def test_an_address_on_a_chain_stays(text):
    assert without_object_addresses(text) == text


def test_an_error_that_cannot_be_written_has_the_name_of_its_class():
    class Unfinished(ToolError):
        def __str__(self):
            return self.message  # was never set

    assert error_text(Unfinished()) == "Unfinished"


def test_an_errors_text_is_valid_and_bounded():
    assert error_text(ToolError("half \ud83d")) == "half ?"
    assert error_text(ToolError("x" * 10_000)) == "x" * ERROR_CHARACTERS + "..."
