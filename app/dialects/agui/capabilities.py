"""The capabilities of an app in AG-UI's words. One that is left out is not known."""

from __future__ import annotations

from typing import Any

from app.catalog import App
from app.services import Services
from app.state.model_abilities import IMAGE, PDF
from app.version import __version__


def capabilities_of(app: App, services: Services) -> dict[str, Any]:
    """The capabilities of an app with its own model."""
    reads = services.model_abilities.of([app.model]).get(app.model)
    taken = {} if reads is None else {"image": IMAGE in reads, "pdf": PDF in reads}
    shown = app.reasoning == "shown"
    return {
        "identity": {"name": app.name or app.id, "type": "aomi-backend", "version": __version__},
        "transport": {"streaming": True, "websocket": False, "httpBinary": False, "resumable": False},
        "tools": {"supported": bool(app.tools), "parallelCalls": True, "clientProvided": app.client_tools},
        "output": {"structuredOutput": False},
        "state": {"snapshots": True, "deltas": False, "memory": False, "persistentState": True},
        "multiAgent": {"supported": False},
        "reasoning": {"streaming": shown, "encrypted": False} | ({} if shown else {"supported": False}),
        "multimodal": {
            "input": taken | {"audio": False, "video": False, "file": False},
            "output": {"image": False, "audio": False},
        },
        "humanInTheLoop": _human_in_the_loop(app),
    }


def _human_in_the_loop(app: App) -> dict[str, bool]:
    """A tool may ask by itself, so only an app without tools is known to ask for nothing."""
    asks = bool(app.approve) or (None if app.tools else False)
    if asks is None:
        return {"supported": True} if app.client_tools else {}
    approvals = {"approvals": asks, "interrupts": asks, "approveWithEdits": asks}
    return {"supported": asks or app.client_tools} | approvals
