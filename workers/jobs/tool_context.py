"""The `ToolContext` that a turn or a multi-step tool's job gives its tools."""

from __future__ import annotations

from functools import partial
from typing import Any

from app.services import Services
from workers.cancellation import CancelToken
from workers.jobs.tool_images import keep_image
from workers.secrets import Secrets
from workers.tools import ToolContext


def tool_context(
    services: Services, session_id: str, user_state: dict[str, Any], client: str, token: CancelToken, step: int = 0
) -> ToolContext:
    """The context for tools that run for `client`, with that client's secrets. `step` counts delivered steps."""
    read_secrets = partial(services.vault.secrets, client)
    return ToolContext(
        session_id=session_id,
        user_state=user_state,
        step=step,
        token=token,
        secrets=Secrets(read_secrets(), read_secrets),
        keep_image=partial(keep_image, services, session_id),
    )
