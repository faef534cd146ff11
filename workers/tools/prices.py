"""Token prices from a public API."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any

import httpx
from pydantic import Field

from app import config
from workers.tools import ToolContext, ToolError, resumable

Symbol = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,12}$")]

TIMEOUT = 10.0


@cache
def _client() -> httpx.Client:
    """One client per process: its TLS set-up takes 20 ms. AOMI_PRICE_API_URL is its base URL."""
    return httpx.Client(base_url=str(config.load().price_api_url), timeout=TIMEOUT)


def GetTokenPrice(symbol: Symbol) -> dict[str, float]:
    """Get the current price of a crypto token in US dollars.

    Args:
        symbol: The token's ticker symbol, such as ETH.
    """
    try:
        response = _client().get(f"/prices/{symbol.upper()}-USD/spot")
        if response.status_code in (400, 404):
            raise ToolError(f"The price API knows no token {symbol.upper()!r}")
        response.raise_for_status()
        return {"price": float(response.json()["data"]["amount"])}
    except httpx.TimeoutException:
        raise ToolError(f"The price API did not answer within {TIMEOUT:g} seconds; try again later") from None
    except httpx.HTTPStatusError as error:
        raise ToolError(f"The price API answered with status {error.response.status_code}; try again later") from None
    except httpx.HTTPError:
        raise ToolError("The price API cannot be reached; try again later") from None
    except (ValueError, KeyError, TypeError):
        raise ToolError("The price API gave an answer that cannot be read; try again later") from None


@resumable
def WatchTokenPrice(
    ctx: ToolContext,
    symbol: Symbol,
    times: Annotated[int, Field(ge=1, le=1000)] = 3,
    every: Annotated[float, Field(ge=0, le=86_400)] = 60,
) -> Iterator[dict[str, Any]]:
    """Watch the price of a crypto token: get it now, and again several times while the conversation goes on.

    Args:
        symbol: The token's ticker symbol, such as ETH.
        times: How often to get the price in all.
        every: Seconds between two prices.
    """
    for step in range(ctx.step, times):
        if step:
            ctx.sleep(every)
        yield {"step": step + 1, "of": times} | _price_or_error(symbol)


def _price_or_error(symbol: str) -> dict[str, Any]:
    """A failed request does not end the watch."""
    try:
        return GetTokenPrice(symbol)
    except ToolError as error:
        return {"error": str(error)}
