"""Feedback on replies, in requests and responses. (Message in `responses` has it, too.)"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field, StrictFloat, StrictInt
from typing_extensions import TypedDict

from app.events.types import exact_schema
from app.openapi.schemas.requests import MessageId, ThreadId, open_schema
from app.web import parsing
from app.web.bodies import expected

COMMENT_CHARACTERS = 4000
MOST_POINTS = 1_000_000

_THREAD = "thread_0a1b2c3d4e5f60718293a4b5c6d7e8f9"
_REPLY = "run_0a1b2c3d4e5f60718293a4b5c6d7e8f9-0"

Rating = Literal["up", "down"]

Key = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_.\-]{1,64}$",
        description="The quality that is judged. A reply has one feedback of each key; without it, `user`",
    ),
    expected("1 to 64 characters of A-Za-z0-9_.-"),
]

Score = Annotated[
    StrictInt | StrictFloat,
    Field(ge=-MOST_POINTS, le=MOST_POINTS),
    expected(f"a number from -{MOST_POINTS:,} to {MOST_POINTS:,}"),
]

Comment = Annotated[str, Field(max_length=COMMENT_CHARACTERS, pattern=parsing.NOT_BLANK.pattern)]


@open_schema(message_id=_REPLY, rating="up", comment="Exactly what I asked for")
class NewFeedback(TypedDict):
    """Feedback on a reply: a `rating`, a `score`, a `comment`. Without any of them, that of this `key` is taken back. A
    rating without a score is the score 1 (`up`) or 0 (`down`)."""

    message_id: MessageId
    thread_id: NotRequired[ThreadId | None]
    key: NotRequired[Key | None]
    rating: NotRequired[Rating | None]
    score: NotRequired[Score | None]
    comment: NotRequired[Comment | None]


@exact_schema(key="user", rating="up", score=1, created_at="2025-01-15T10:30:00.000Z")
class GivenFeedback(TypedDict):
    """Feedback on a reply. `created_at` is when it was given, or changed last."""

    key: str
    rating: NotRequired[Rating]
    score: NotRequired[float]
    comment: NotRequired[str]
    created_at: str


@exact_schema(thread_id=_THREAD, message_id=_REPLY, feedback=[])
class FeedbackOnReply(TypedDict):
    """All feedback on a reply, the oldest first."""

    thread_id: str
    message_id: str
    feedback: list[GivenFeedback]
