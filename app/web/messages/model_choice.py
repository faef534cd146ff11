"""Choosing a session's model, the same for every dialect."""

from __future__ import annotations

from app.errors import BadRequest
from app.events import sse
from app.web.current import services


def check_offered(app_id: str, model: str) -> None:
    """Raises `BadRequest` when the app does not offer the model. Whether another app does is not said."""
    catalog = services().catalog
    app, _ = catalog.choice(app_id, "")
    if not catalog.offers(app, model):
        raise BadRequest(f"The session's app does not offer the model {model!r}; see /api/session/models")


def choose(session_id: str, model: str) -> None:
    """Use `model` for the session's turns, from the next one on."""
    services().sessions.change(session_id, {"model": model}, [sse.model_changed(session_id, model)])
