"""OpenAI's APIs, spoken by its published packages: Responses, Conversations, chat completions, models.

An app is a model. A response is a turn, a conversation is a session; their ids are made by `PublicIds`, so that they
say nothing of the session's id. docs/front-ends.md shows the use, the modules name the sources of the protocol.

`requests` reads what clients send and starts turns of it, `frames` makes what they get. The paths are in `responses`,
`conversations`, `completions`, `models` and `turns`.
"""

from __future__ import annotations

from flask import Flask

from app.dialects.openai import completions, conversations, models, responses, turns
from app.dialects.openai.errors import OpenAIError, error_body, error_headers
from app.web.conventions import Conventions, mount

CONVENTIONS = Conventions(
    error_body=error_body,
    error_type=OpenAIError,
    error_headers=error_headers,
    bearer_keys=True,
    long_bodies=True,
    stops=frozenset({"openai_responses.cancel"}),
    without_session=frozenset({"openai_models.every", "openai_models.show"}),
    prefix="/v1",
)


def register(app: Flask) -> None:
    """Mount the paths below /v1."""
    for module in (responses, conversations, completions, models, turns):
        mount(app, module.bp, CONVENTIONS)
