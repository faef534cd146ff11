"""The model as one turn calls it: with retries and fallbacks, the client's own keys, the budget, and tracing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.events import sse
from app.services import Services
from app.state.runs import Run
from workers.cancellation import CancelToken
from workers.models import retry, traced
from workers.models.llm import CallObserver, Models
from workers.turn import Prompt, Reply
from workers.usage_recorder import UsageRecorder


@dataclass(frozen=True)
class TurnModel:
    """Calls the turn's model, or one of its app's fallbacks, with `tools` in the form of OpenAI's chat API."""

    services: Services
    models: Models
    usage: UsageRecorder
    run: Run
    tools: list[dict[str, Any]]

    def __call__(self, prompt: Prompt, on_text: Callable[[str], None], token: CancelToken) -> Reply:
        """One reply; `on_text` gets each piece of its text. Raises `TurnFailed`, `Stopped`."""
        settings = self.services.settings
        return retry.ask(
            self._model_names(),
            lambda name: self._call(name, prompt, on_text, token),
            token,
            settings.provider_retries,
            settings.retry_pause,
        )

    def _model_names(self) -> tuple[str, ...]:
        """The models to try, in order."""
        app = self.services.catalog.app(self.run.app)
        return tuple(dict.fromkeys((self.run.model, *(app.fallbacks if app else ()))))

    def _call(self, name: str, prompt: Prompt, on_text: Callable[[str], None], token: CancelToken) -> Reply:
        own_keys = self.services.vault.provider_keys(self.run.client)  # for each call: the client may have cleared them
        if not self.models.takes_own_key(name, own_keys):
            self.usage.check()
        observer = CallObserver(on_text, self._notify_stall, self.usage.open)
        return traced.ask(
            self.services,
            name,
            lambda: self.models.stream(name, prompt, self.tools, observer, token, own_keys),
        )

    def _notify_stall(self, seconds: float) -> None:
        text = f"The model has been silent for {seconds:g} seconds; wait, as the answer may still come, or stop it"
        self.services.sessions.change(self.run.session_id, {}, [sse.system_notice(self.run.session_id, text)])
