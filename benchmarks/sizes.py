"""How much of everything a run does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Sizes:
    """How much of everything. The default is what the figures of README and docs are made with.

    `over`: seconds over which the starts of streams are spread.
    """

    turns: int = 50
    burst: int = 2000
    streams: int = 50
    tokens: int = 100
    rate: int = 50
    over: float = 1.0
    more_streams: tuple[int, ...] = (75, 100, 150, 200, 300)
    sustained: tuple[int, ...] = (50, 100, 200, 300)
    interrupts: int = 10
    idle: int = 2000
    listeners: int = 100
    events: int = 5000
    relay_seconds: float = 5.0
    sessions: tuple[int, ...] = (10, 1000, 10_000)
    history: tuple[int, ...] = (10, 100, 1000)
    history_turns: int = 20
    branches: tuple[tuple[int, int], ...] = ((10, 1), (1000, 50))
    """Messages of a thread, and branches."""
    delays_ms: tuple[float, ...] = (0, 20)
    """Milliseconds each way to Redis."""
    crowd: int = 100
    loops: tuple[str, ...] = ("litellm", "litellm-quiet")
    scale: tuple[tuple[int, int], ...] = ((1, 1), (1, 2), (2, 1), (2, 2))

    @property
    def paced(self) -> str:
        """The model whose tokens come at an even pace."""
        return f"paced-{self.rate}x{self.tokens}"

    @property
    def ideal(self) -> float:
        """Seconds that a paced stream takes at the provider."""
        return self.tokens / self.rate

    @property
    def long(self) -> str:
        """A paced model that still talks when it is interrupted."""
        return f"paced-{self.rate}x{3 * self.tokens}"

    @property
    def longer(self) -> Sizes:
        """The same with answers of five times the length, which begin over five times the time."""
        return replace(self, tokens=5 * self.tokens, over=5 * self.over)

    @property
    def models(self) -> dict[str, dict[str, Any]]:
        """`model_info` of each model of the backend. `window.` reads but a part of a history, `all.` all of it."""
        info: dict[str, Any] = {"display_name": "Fake", "provider": "openai"}
        names = (self.paced, self.long, self.longer.paced, f"burst-{self.burst}", "burst-1", "burst-10")
        windows = {"window.burst-10": 2048, "all.burst-10": 1_000_000}
        limited = {name: info | {"max_input_tokens": tokens} for name, tokens in windows.items()}
        return dict.fromkeys(names, info) | limited


TINY = Sizes(
    turns=3,
    burst=50,
    streams=4,
    tokens=20,
    over=0.1,
    more_streams=(6,),
    sustained=(6,),
    interrupts=2,
    idle=10,
    listeners=4,
    events=200,
    relay_seconds=0.5,
    sessions=(5, 10),
    history=(4, 10),
    history_turns=2,
    branches=((4, 1), (10, 3)),
    delays_ms=(1,),
    crowd=6,
    scale=((1, 1),),
    loops=("litellm-quiet",),
)
"""For a test that everything runs; its figures mean nothing."""
