"""Tool calls and what tools ask of the user, in words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from app import exact_json
from app.commands.chat.clean import one_line
from app.events import sse

WEI = Decimal(10) ** 18


class Tools:
    """The lines of tool calls, with the time since each call."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}

    def called(self, event: sse.Event) -> str:
        """A call with its arguments."""
        self._began[event["call_id"]] = time.monotonic()
        args = ", ".join(f"{name}={_value(value)}" for name, value in event["args"].items())
        return f"⚙ {event['name']}({one_line(args)})"

    def answered(self, event: sse.Event) -> str:
        """Its result, or a later step of it."""
        began = self._began.get(event["call_id"])
        after = "" if began is None else f" ({time.monotonic() - began:.1f} s)"
        later = event["type"] == "async_tool_result"
        what = ("last step" if event.get("done") else "a later step") if later else "result"
        result = "" if later and event["result"] is None else f": {one_line(_value(event['result']))}"
        return f"  ↳ {event['name']}, {what}{result}{after}"


def asked(event: sse.Event) -> Iterator[str]:
    """What a tool asks of the user, and how to answer it."""
    yield from request(event["id"], event["kind"], event["request"])
    yield f"  It can be answered until {event['expires_at']}."


def request(number: int | str, kind: str, body: dict[str, Any]) -> Iterator[str]:
    """An open request in words, and how to answer it."""
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
