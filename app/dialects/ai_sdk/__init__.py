"""The dialect of Vercel's AI SDK (`ai` 5, 6 and 7), UI message stream v1: what `useChat` sends and reads.

`requests` reads what clients send and `sending` starts its turn; `frames` makes the chunks of a turn, `history` the
UIMessages of a thread, `metadata` what both say of a turn; `views` has the paths, `schemas` and `chunks` the types. The
wire is that of the published packages, which tests/clients drives. docs/front-ends.md has what a front end needs.
"""

from __future__ import annotations

from flask import Flask

from app.dialects.ai_sdk import views
from app.web.conventions import Conventions, mount


def register(app: Flask) -> None:
    """Mount the dialect's paths."""
    conventions = Conventions(long_bodies=True, stops=frozenset({"ai_sdk.stop"}), lists=frozenset({"ai_sdk.chats"}))
    mount(app, views.bp, conventions)
