"""Feedback in the trace of its turn: a span with the attributes of `gen_ai.evaluation.result`, which the semantic
conventions of generative AI define as an event. Only spans are sent."""

from __future__ import annotations

from app.state.conversation.feedback import Feedback, Given
from app.telemetry import redaction, tracing
from app.web.current import services

NAME = "gen_ai.evaluation.result"


def record(given: Given, feedback: Feedback) -> None:
    """Add a span to the turn's trace, linked to the request; the comment only with AOMI_OTEL_CONTENT. Does nothing if
    the turn was not traced."""
    if not given.traceparent:
        return
    attributes: dict[str, tracing.Value] = {
        "gen_ai.evaluation.name": feedback.key,
        "gen_ai.evaluation.score.label": feedback.rating or ("" if feedback.stored() else "taken_back"),
        "aomi.message": given.message_id,
    }
    if feedback.score is not None:
        attributes["gen_ai.evaluation.score.value"] = float(feedback.score)
    if feedback.comment and services().settings.otel_content:
        attributes["gen_ai.evaluation.explanation"] = redaction.without_keys(feedback.comment)
    with tracing.span(NAME, attributes, parent={"traceparent": given.traceparent}, link=tracing.carrier()):
        pass
