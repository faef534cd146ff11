"""How replies end, in the words of all providers."""

from __future__ import annotations

from workers.reply import Stop

LENGTH = frozenset(
    ["length", "max_tokens", "model_length", "max_output_tokens", "model_context_window_exceeded", "error_limit"]
)
FILTER = frozenset(
    [
        *("content_filter", "content_filtered", "refusal", "sensitive", "guardrail_intervened", "error_toxic"),
        *("safety", "recitation", "language", "blocklist", "prohibited_content", "spii", "other", "model_armor"),
        *("image_safety", "image_prohibited_content", "image_recitation", "image_other", "no_image", "escalation"),
    ]
)
ERROR = frozenset(
    [
        *("error", "network_error", "insufficient_system_resource", "malformed_function_call", "malformed_response"),
        *("unexpected_tool_call", "too_many_tool_calls", "missing_thought_signature"),
    ]
)
"""The reply is no good; the next attempt may be."""


def stop_of(reason: str) -> Stop | None:
    """The meaning of the provider's finish reason; None is an error. An unknown one is a plain stop."""
    word = reason.lower()
    if word in ERROR:
        return None
    if word in LENGTH:
        return "length"
    return "content_filter" if word in FILTER else "stop"
