"""A request to a model, and the callbacks of the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.model_params import ModelParams
from app.usage import Prices, Usage
from workers.models.prompt import Conversation


@dataclass(frozen=True)
class ModelRequest:
    """One call of the model `name` of aomi.yaml. `tools` are in the form of OpenAI's chat API. A key of the model's
    provider in `own_keys` goes before the operator's. `params` go over the model's own.
    No call of the reply has one of the `taken_ids`, or the id of a call of the conversation. `conceal` hides the
    client's secrets in traces; without it, they do not have the call's content."""

    name: str
    conversation: Conversation
    tools: Sequence[dict[str, Any]] = ()
    own_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: ModelParams = field(default_factory=ModelParams)
    taken_ids: frozenset[str] = frozenset()
    conceal: Callable[[str], str] | None = None


@dataclass(frozen=True)
class CallEstimate:
    """A call that is on its way to `model`, with about `prompt` tokens, at these prices (None: unknown). With `own_key`
    the client pays."""

    model: str
    prompt: int
    prices: Prices | None
    own_key: bool


MeasureUsage = Callable[[], tuple[Usage, int | None]]
"""Says what a call has used, and its cost in nano-dollars, None where the price is unknown. It may have to count
tokens, which takes a while."""

OnEnd = Callable[[MeasureUsage], None]
"""Called when a call has ended, however it ended."""


def _ignore(*_: Any) -> None:
    """A callback for news that nobody wants."""


def _no_record(_: CallEstimate) -> OnEnd:
    return _ignore


@dataclass(frozen=True)
class CallObserver:
    """Callbacks of one model call.

    `on_text(piece)`: for each piece of text, on the event loop's thread. `on_thought(piece)`: the same for text of what
    the model thinks.
    `on_stall(seconds)`: once, on another thread, when the provider has sent nothing for a third of the stall timeout.
    `on_start(estimate)`: milliseconds after the request, while its first token is waited for, or when the call has
    ended before. Its result is called when the call has ended.
    """

    on_text: Callable[[str], None] = _ignore
    on_stall: Callable[[float], None] = _ignore
    on_start: Callable[[CallEstimate], OnEnd] = _no_record
    on_thought: Callable[[str], None] = _ignore
