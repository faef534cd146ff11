"""The results of calls that did not run, as models and clients read them."""

from __future__ import annotations

from typing import Any

PASSED_OVER = {"error": "declined", "message": "The user sent another message instead of an answer"}
EXPIRED = {"error": "expired", "message": "The user did not answer in time"}


def declined(message: str = "") -> dict[str, Any]:
    """The result of a call that a person declined, with what they said to it."""
    return {"error": "declined", "message": message or "The user declined this call"}
