"""A turn that failed, as the response to a request that waits for it."""

from __future__ import annotations

from app.dialects.openai.frames.chunks import NO_APPROVALS
from app.dialects.openai.frames.objects import End
from app.errors import BadGateway, BadRequest, BudgetSpent, Conflict, NotReady


def check_end(end: End) -> None:
    """Raises for a turn that has no whole reply: `BadRequest`, `BudgetSpent`, `Conflict`, `NotReady`, `BadGateway`."""
    if end.status == "cancelled":
        raise NotReady("This server stopped the reply; send the request again")
    if end.awaits_answer:
        raise Conflict(NO_APPROVALS)
    if end.error is None:
        return
    message, code = end.terminal["message"], end.terminal["code"]
    if code == "refused":
        raise BadRequest(message)
    if code == "budget_spent":
        raise BudgetSpent(message)
    raise (NotReady if end.terminal["retryable"] else BadGateway)(message)
