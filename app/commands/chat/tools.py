"""Tool calls, and requests of tools to the user, as lines of text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from app import exact_json
from app.events import sse
from app.terminal_text import one_line

WEI = Decimal(10) ** 18


class ToolLines:
    """Lines about tool calls, with the time since each call."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}

    def call_line(self, event: sse.Event) -> str:
        """A call with its arguments."""
        self._started[event["call_id"]] = time.monotonic()
        args = ", ".join(f"{name}={_value(value)}" for name, value in event["args"].items())
        return f"⚙ {event['name']}({one_line(args)})"

    def result_line(self, event: sse.Event) -> str:
        """The result of a call, or a later step."""
        started = self._started.get(event["call_id"])
        after = "" if started is None else f" ({time.monotonic() - started:.1f} s)"
        later = event["type"] == "async_tool_result"
        what = ("last step" if event.get("done") else "a later step") if later else "result"
        result = "" if later and event["result"] is None else f": {one_line(_value(event['result']))}"
        return f"  ↳ {event['name']}, {what}{result}{after}"


def request_event_lines(event: sse.Event) -> Iterator[str]:
    """An open request of a tool, how to reply to it, and until when."""
    yield from request_lines(event["id"], event["kind"], event["request"])
    yield f"  It can be answered until {event['expires_at']}."


def request_lines(number: int | str, kind: str, body: dict[str, Any]) -> Iterator[str]:
    """A request, and how to reply to it."""
    if kind == "wallet_tx_request":
        yield f"Request {number}: sign and send a transaction with your wallet. {body.get('label') or ''}".rstrip()
        yield f"  {_coins(body.get('value'))} to {body.get('to')} on chain {body.get('chain_id')}"
        if body.get("data") not in (None, "", "0x"):
            yield f"  with the data {one_line(str(body['data']))}"
        success = '{"status": "success", "txHash": "0x..."}'
    elif kind == "wallet_eip712_request":
        description = body.get("description") or ""
        yield f"Request {number}: sign typed data with your wallet. {description}".rstrip()
        yield f"  chain {body.get('chain_id')}: {one_line(_value(body.get('typed_data')), 300)}"
        success = '{"status": "success", "signature": "0x..."}'
    else:
        yield f"Request {number}: {kind}: {one_line(_value(body), 300)}"
        success = '{"status": "success"}'
    yield f"  When it is done: /answer {number} {success}"
    yield f"  Or: /refuse {number} [why]"


def _coins(value: Any) -> str:
    try:
        return f"{value} wei ({(Decimal(str(value)) / WEI).normalize():f} of the chain's coin)"
    except ArithmeticError:
        return f"{value} wei"


def _value(value: Any) -> str:
    return exact_json.dumps(value)
