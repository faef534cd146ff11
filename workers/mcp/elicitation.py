"""Answers to the questions that servers have for the user."""

from __future__ import annotations

from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult


async def decline(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """No question reaches a user yet: each one is declined, and the server goes on without."""
    return ElicitResult(action="decline")
