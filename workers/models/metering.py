"""The size and the usage of a model call, in tokens and in money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app import exact_json
from app.catalog import Model
from app.usage import EST_BYTES_PER_TOKEN, Usage
from workers.models import counting, pricing
from workers.models.prompt import Prompt
from workers.models.prompt.media import without_media
from workers.models.reply_builder import StreamOutcome
from workers.models.request import CallEstimate

Tools = Sequence[dict[str, Any]]


def estimate(model: Model, prompt: Prompt, tools: Tools, own_key: bool) -> CallEstimate:
    """The known facts of a call before its response."""
    texts, media_tokens = without_media(prompt)
    tokens = len(exact_json.dump_bytes([texts, list(tools)])) // EST_BYTES_PER_TOKEN + media_tokens
    return CallEstimate(model.model_name, tokens, pricing.prices(model), own_key)


def measure(model: Model, prompt: Prompt, tools: Tools, outcome: StreamOutcome) -> tuple[Usage, int | None]:
    """The usage of a call, and its cost in nano-dollars, None if the price is unknown. Tokens that the provider did
    not count are counted here. A call that was refused costs nothing."""
    if outcome.refused:
        return Usage(), 0
    counted, asked = outcome.usage or Usage(), model.litellm_params["model"]
    if not (outcome.whole and counted.input):
        sent = counting.of_messages(asked, prompt, tools)
        said = counting.of_text(asked, outcome.said) if outcome.said else 0
        counted = replace(counted, input=counted.input or sent, output=max(counted.output, said), estimated=True)
    return counted, pricing.cost(model, counted)
