"""The dialect of Aomi's published clients up to 0.1.31 ("gen-1"), as a translation to the same domain calls.

`shared` handles the paths that the reference API has too: `register` wraps those views, so that they do not know the
dialect. `routes`, `events`, `vault` and `simulation` have the paths of this dialect alone. `requests` translates what
clients send, `messages` what they receive. docs/gen1.md describes the protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask
from flask.typing import ResponseReturnValue

from app.dialects.gen1 import events, routes, shared, simulation, vault
from app.dialects.gen1.schemas import Gen1State
from app.openapi.declare import documented_as
from app.web.conventions import Conventions, mount

CATALOG = frozenset({"gen1.apps", "gen1.models"})


def register(app: Flask) -> None:
    """Mount the dialect's paths and take over the gen-1 requests to four endpoints of the reference API."""
    mount(app, routes.bp, Conventions(shows_sessions=False, without_session=CATALOG))
    for module in (events, vault, simulation):
        mount(app, module.bp, Conventions())
    _wrap(app, "chat.send", shared.sends, shared.send)
    _wrap(app, "state.show", shared.polls, shared.poll, Gen1State)
    _wrap(app, "state.interrupt", shared.polls, shared.interrupt, Gen1State)
    _wrap(app, "control.act", shared.sets_model, shared.set_model)


def _wrap(
    app: Flask,
    endpoint: str,
    is_gen1: Callable[..., bool],
    view: Callable[[], ResponseReturnValue],
    response: Any = None,
) -> None:
    """Pass the gen-1 requests to `endpoint`, by its path arguments, to `view`, which may respond with `response`."""
    reference_view: Callable[..., Any] = app.view_functions[endpoint]

    @documented_as(reference_view, or_response=response)
    @wraps(reference_view)
    def dispatch(**path: Any) -> ResponseReturnValue:
        return view() if is_gen1(**path) else reference_view(**path)

    app.view_functions[endpoint] = dispatch
