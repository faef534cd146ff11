"""An entry of `apps:`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from app.model_params import ModelParams

DEFAULT_APP = "default"


class App(BaseModel):
    """An entry of `apps:`. A session may choose among `model` and `models`. `fallbacks` are the models to try, in
    order, when a model fails before its first token. `params` override the model's own parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    name: str = ""
    model: str
    models: tuple[str, ...] = ()
    preamble: str = ""
    tools: tuple[str, ...] = ()
    title_model: str | None = None
    fallbacks: tuple[str, ...] = ()
    params: ModelParams = ModelParams()
