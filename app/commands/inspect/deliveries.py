"""The messages to receivers that are due or were given up, read from Redis for an operator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from app.commands.inspect.facts import WebhookDelivery
from app.state.clock import iso
from app.state.inspection import Inspection
from app.state.webhooks.deliveries import Deliveries, Place


def counts(inspection: Inspection, webhooks: Deliveries) -> tuple[int, int]:
    """How many messages are due, and how many were given up."""
    each = [webhooks.counts(app) for app in inspection.apps_with_webhooks()]
    return sum(due for due, _ in each), sum(failed for _, failed in each)


def places(inspection: Inspection, webhooks: Deliveries) -> Iterator[tuple[Place, str, datetime]]:
    """Every message with its state, `due` or `failed`, and when it is due or goes; those of an app the next one first,
    the given up ones last."""
    for app in inspection.apps_with_webhooks():
        for state, listed in (("due", webhooks.due(app)), ("failed", webhooks.given_up(app))):
            yield from ((place, state, at) for place, at in listed)


def deliveries(inspection: Inspection, webhooks: Deliveries, most: int) -> list[WebhookDelivery]:
    """At most so many messages."""
    found = (_delivery(webhooks, *one) for one in places(inspection, webhooks))
    return list(islice(filter(None, found), most))


def _delivery(webhooks: Deliveries, place: Place, state: str, at: datetime) -> WebhookDelivery | None:
    """None if the message has gone in between."""
    message = webhooks.get(place)
    if message is None:
        return None
    return WebhookDelivery(
        message=message.id,
        state=state,
        app=message.app,
        type=message.type,
        session=message.session_id,
        created_at=message.created_at,
        attempts=message.attempts,
        tried_at=message.tried_at,
        error=message.error,
        next_at=iso(at),
    )
