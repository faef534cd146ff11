"""The dialect of AG-UI 1.0, which `@ag-ui/client` and CopilotKit's front ends speak.

`requests` reads what clients send and `sending` starts its turn; `frames` makes the events of a turn, `history` the
messages of a thread, with the ids that `names` makes for both; `running` streams them. `views` has AG-UI's path,
`copilotkit` those of CopilotKit's runtime, with `capabilities`; `schemas` and `events` are their types. The wire is
that of the published packages, which tests/clients drives. docs/front-ends.md has what a front end needs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Flask

from app.dialects.agui import copilotkit, schemas, views
from app.web.conventions import Conventions, Refused, mount


def register(app: Flask) -> None:
    """Mount the dialect's paths."""
    conventions = Conventions(
        error_body=_error_body,
        error_type=schemas.AgentError,
        bearer_keys=True,
        long_bodies=True,
        stops=frozenset({"copilotkit.stop"}),
        without_session=frozenset({"copilotkit.info"}),
    )
    mount(app, views.bp, replace(conventions, prefix="/agui"))
    mount(app, copilotkit.bp, replace(conventions, prefix="/copilotkit"))


def _error_body(refused: Refused) -> dict[str, Any]:
    return {"error": refused.message, "message": refused.message}
