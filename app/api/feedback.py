"""Feedback on replies: ratings, scores, comments."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.errors import Conflict, NotFound
from app.openapi.declare import KNOWN_SESSION, RouteSpec, body, documented
from app.openapi.schemas.feedback import FeedbackOnReply, NewFeedback
from app.state.conversation.branches import NoMessage, UnfinishedMessage
from app.state.conversation.feedback import MOST_KEYS, Feedback, Given, TooManyKeys
from app.state.session_fields import Fields
from app.web import feedback_spans, parsing
from app.web.bodies import json_body, validated
from app.web.current import services

bp = Blueprint("feedback", __name__)

DEFAULT_KEY = "user"

POINTS = {"up": 1, "down": 0}
"""The score of a rating that has none."""


@bp.post("/api/feedback")
@documented(FeedbackOnReply, KNOWN_SESSION, RouteSpec(refusals=(409,)), body(NewFeedback))
def give() -> ResponseReturnValue:
    """Keep feedback on a reply, in the place of the former one of this key, or take that back."""
    _, session = parsing.known_session()
    sent = validated(NewFeedback, json_body())
    feedback = _feedback(sent)
    given = _given(session, sent, feedback)
    if given.changed:
        services().metrics.rated(given.app, feedback)
        feedback_spans.record(given, feedback)
    return jsonify(thread_id=given.thread_id, message_id=given.message_id, feedback=given.feedback)


def _feedback(sent: NewFeedback) -> Feedback:
    rating, score = sent.get("rating"), sent.get("score")
    points = POINTS[rating] if rating and score is None else score
    return Feedback(sent.get("key") or DEFAULT_KEY, rating, points, sent.get("comment") or "")


def _given(session: Fields, sent: NewFeedback, feedback: Feedback) -> Given:
    try:
        return services().feedback.give(session, sent.get("thread_id") or "", sent["message_id"], feedback)
    except NoMessage:
        raise NotFound("There is no such reply in this session; GET /api/state shows its messages") from None
    except UnfinishedMessage:
        raise Conflict("This reply is being made; rate it when its turn has ended") from None
    except TooManyKeys:
        raise Conflict(
            f"The reply has feedback of {MOST_KEYS} keys, the most that it may have; take one back"
        ) from None
