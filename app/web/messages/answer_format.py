"""The format that a client asks of an answer: taken where the model can, refused with the names of those that can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalog import App
from app.errors import BadRequest
from app.web.current import services


def check_format(app: App, model: str, answer_format: Mapping[str, Any]) -> None:
    """Raises `BadRequest` if the model cannot answer in this format. The worker decides about a model
    that is not recorded yet."""
    names = [offered.model_name for offered in services().catalog.models_of(app)]
    kind = answer_format["type"]
    known = services().model_abilities.of(list(dict.fromkeys([model, *names])))
    if model not in known or kind in known[model]:
        return
    able = [name for name in names if kind in known.get(name, ())]
    others = f"these can: {', '.join(able)}" if able else "no model of the app can"
    raise BadRequest(f"The model {model!r} does not take a response_format of type {kind!r}; {others}")
