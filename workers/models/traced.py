"""One call of a model, seen from outside: traced, and its failure counted. (The meter counts tokens.)"""

from __future__ import annotations

import logging
from collections.abc import Callable

from app.services import Services
from app.telemetry import tracing
from workers.turn import Reply, TurnFailed

log = logging.getLogger(__name__)


def call(services: Services, name: str, ask: Callable[[], Reply], conceal: Callable[[str], str] = str) -> Reply:
    """The reply of the model `name`, which `ask` asks; `conceal` hides the client's secrets in logs. Raises what `ask`
    raises."""
    model = services.catalog.model(name)
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": model.provider if model else "",
        "gen_ai.request.model": name,
    }
    with tracing.span(f"chat {name}", attributes, "CLIENT") as span:
        try:
            reply = ask()
        except TurnFailed as failed:
            kind = failed.kind or type(failed).__name__
            span.fail(kind)
            services.metrics.provider_failed(name, kind)
            raise
        if usage := reply.usage:
            span.set({"gen_ai.usage.input_tokens": usage.input, "gen_ai.usage.output_tokens": usage.output})
        if services.settings.log_content:
            log.info("model %r said: %s", name, conceal(reply.text))
    return reply
