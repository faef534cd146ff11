"""Calls each model once, as a turn would."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.catalog import Catalog
from app.config import Settings
from workers.cancellation import CancelToken
from workers.models.models import Models
from workers.models.prompt import Conversation
from workers.models.request import CallObserver, ModelRequest
from workers.turn import TurnFailed

MESSAGE = "Reply with the word: ok"
AT_ONCE = 8


def failures(catalog: Catalog, settings: Settings) -> Iterator[str]:
    """A line for each usable model that does not reply. The provider's own words are in the log, on stderr."""
    models = Models(catalog, settings.model_copy(update={"log_content": True, "log_format": "text"}))
    models.start()
    try:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            names = [model.model_name for model in catalog.models]
            for name, failure in zip(names, threads.map(partial(_failure, models), names), strict=True):
                if failure:
                    yield f"{catalog.place('model', name)}: model {name!r} does not reply: {failure}"
    finally:
        models.stop()


def _failure(models: Models, name: str) -> str | None:
    conversation = Conversation("", messages=[{"role": "user", "content": MESSAGE}])
    try:
        models.stream(ModelRequest(name, conversation), CallObserver(), CancelToken())
    except TurnFailed as failed:
        return f"{failed.kind}: {failed.message}" if failed.kind else failed.message
    return None
