"""The API key that a turn came with, read again when the turn begins: it may have been revoked or changed."""

from __future__ import annotations

from dataclasses import replace

from app.catalog import DEFAULT_APP
from app.state.accounts.api_keys import ApiKeys
from app.state.turns.turn_requests import Principal

KEY_REFUSED = (
    "The API key of this conversation was revoked, has expired, or no longer opens the app; "
    "send a message with a valid key"
)


def current_principal(api_keys: ApiKeys, principal: Principal, app: str) -> Principal | None:
    """The principal, with the budget that its API key has now. None if the key no longer opens `app`. A principal
    without a key stays as it is: its app needed none."""
    if not principal.api_key_id:
        return principal
    key = api_keys.get(principal.api_key_id)
    if key is None or key.expired or not (app == DEFAULT_APP or key.allows(app)):
        return None
    return replace(principal, budget="" if key.budget is None else str(key.budget))
