"""The model as one turn calls it: with retries and fallbacks, the client's own keys, the budget, and tracing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.events import sse
from app.model_params import ModelParams
from app.services import Services
from app.state.conversation.transcript import Message
from app.state.turns.run_records import Run
from app.telemetry import content, tracing
from workers.cancellation import CancelToken
from workers.jobs.turn_files import TurnFiles
from workers.models import retry, traced
from workers.models.models import Models
from workers.models.prompt import Conversation
from workers.models.prompt.history import without_covered
from workers.models.request import CallEstimate, CallObserver, ModelRequest, OnEnd
from workers.reply import Reply
from workers.turn import TurnFailed
from workers.usage_recorder import UsageRecorder


def _nothing() -> None:
    """The default of `while_waiting`."""


@dataclass(frozen=True)
class TurnModel:
    """Calls the turn's model, or one of its app's fallbacks, with `tools` in the form of OpenAI's chat API. `system` is
    the conversation without its messages; `files` are those of the messages. `on_thought` gets each piece of what a
    model thinks, `on_reply` the name of a model with its messages and its whole reply; `conceal` hides the client's
    secrets in logs and traces. `own_keys` reads the client's own keys by provider. `while_waiting` is called while a
    first token is waited for."""

    services: Services
    models: Models
    usage: UsageRecorder
    run: Run
    system: Conversation
    tools: list[dict[str, Any]]
    files: TurnFiles
    on_thought: Callable[[str], None]
    on_reply: Callable[[str, Sequence[Message], Reply], None]
    conceal: Callable[[str], str]
    own_keys: Callable[[], dict[str, str]]
    while_waiting: Callable[[], None] = _nothing

    def __call__(self, messages: Sequence[Message], on_text: Callable[[str], None], token: CancelToken) -> Reply:
        """One reply; `on_text` gets each piece of its text. Raises `TurnFailed`, `Stopped`."""
        settings = self.services.settings
        policy = retry.Policy(settings.provider_retries, settings.retry_pause, self._notify_wait)
        self.files.load(without_covered(messages, self.system.summary))
        conversation = replace(self.system, messages=messages, read_file=self.files.read)
        return retry.call_with_fallbacks(
            self._model_names(), lambda name: self._call(name, conversation, on_text, token), token, policy
        )

    @property
    def room(self) -> int:
        """Tokens of history that the largest of the models may read."""
        return max(self.models.room(name, self.tools) for name in self._model_names())

    def _model_names(self) -> tuple[str, ...]:
        """The models to try, in order."""
        app, wanted = self.services.catalog.app(self.run.app), self.run.response_format
        names = tuple(dict.fromkeys((self.run.model, *(app.fallbacks if app else ()))))
        able = tuple(name for name in names if wanted is None or self.models.takes_format(name, wanted))
        if not able:
            raise TurnFailed("The model does not take this response_format; choose another model")
        return able

    def _call(self, name: str, conversation: Conversation, on_text: Callable[[str], None], token: CancelToken) -> Reply:
        own_keys = self.own_keys()  # for each call: the client may have cleared them
        if not self.models.takes_own_key(name, own_keys):
            self.usage.check()
        request = ModelRequest(
            name, conversation, self.tools, own_keys, self._params(), self.run.asked_ids, self.conceal
        )
        observer = CallObserver(on_text, self._notify_stall, self._open, self.on_thought)

        def ask() -> Reply:
            tracing.add_content(lambda: content.conversation_id(self.run.session_id))
            return self.models.stream(request, observer, token)

        reply = traced.call(self.services, name, ask, self.conceal)
        self.on_reply(name, conversation.messages, reply)
        return reply

    def _open(self, estimate: CallEstimate) -> OnEnd:
        on_end = self.usage.open(estimate)
        self.while_waiting()
        return on_end

    def _params(self) -> ModelParams:
        """Those of the app, with the format that the message asks for."""
        app = self.services.catalog.app(self.run.app)
        params = app.params if app else ModelParams()
        wanted = self.run.response_format
        return params.model_copy(update={"response_format": wanted}) if wanted else params

    def _notify_stall(self, seconds: float) -> None:
        self._notify(f"The model has been silent for {seconds:g} seconds; you can keep waiting or stop it")

    def _notify_wait(self, seconds: float) -> None:
        self._notify(f"The model's provider is busy: it is asked again in {seconds:.0f} seconds")

    def _notify(self, text: str) -> None:
        self.services.sessions.change(self.run.session_id, {}, [sse.system_notice(self.run.session_id, text)])
