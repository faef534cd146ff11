"""Apps and models from one YAML file: LiteLLM's own `model_list:`, and `apps:`. Read without litellm.

An invalid file raises `ConfigError`, which names the file, the entry and what is right.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from app.errors import ConfigError
from app.model_params import ModelParams
from app.usage import Prices

FROM_ENVIRONMENT = "os.environ/"
DEFAULT_APP = "default"
DEMO = "demo/assistant"
DEMO_INFO = {"display_name": "Demo assistant (no key needed)", "provider": "demo"}


class Model(BaseModel):
    """An entry of `model_list:` in LiteLLM's format. `model_info` may have `display_name`, `provider` and `byok`."""

    model_config = ConfigDict(protected_namespaces=(), frozen=True)

    model_name: str = Field(min_length=1)
    litellm_params: dict[str, Any]
    model_info: dict[str, Any] = {}

    @field_validator("litellm_params")
    @classmethod
    def _names_a_model(cls, params: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(params.get("model"), str):
            raise ValueError("needs `model`, such as `anthropic/claude-sonnet-4-5`")
        return params

    @model_validator(mode="after")
    def _has_prices(self) -> Self:
        fields = self.litellm_params | self.model_info
        for name in PRICES.values():
            if fields.get(name) is not None and not _is_price(fields[name]):
                raise ValueError(f"`{name}` must be US$ per token, such as 0.0000025, not {fields[name]!r}")
        if sum(fields.get(PRICES[name]) is not None for name in ("input", "output")) == 1:
            raise ValueError(f"needs both {PRICES['input']} and {PRICES['output']}, or neither")
        return self

    @property
    def display_name(self) -> str:
        """The name that people see."""
        return self.model_info.get("display_name") or self.model_info.get("name") or self.model_name

    @property
    def provider(self) -> str:
        """The provider that serves it."""
        named = self.model_info.get("provider") or self.model_info.get("litellm_provider")
        prefix, slash, _ = self.litellm_params["model"].partition("/")
        return named or self.litellm_params.get("custom_llm_provider") or (prefix if slash else "openai")

    @property
    def priced_as(self) -> str:
        """The model name that LiteLLM knows prices for: `base_model`, else the called model."""
        return str(self.model_info.get("base_model") or self.litellm_params["model"])

    @property
    def prices(self) -> Prices | None:
        """The prices of a token in the file, or None."""
        return prices_of(self.litellm_params | self.model_info)

    @property
    def takes_own_keys(self) -> bool:
        """Whether it is offered even without an operator's key, because clients bring their own."""
        return self.model_info.get("byok") is True

    def missing(self, environment: Mapping[str, str]) -> list[str]:
        """The environment variables that it needs and that are not set."""
        names = [value.removeprefix(FROM_ENVIRONMENT) for value in _references(self.litellm_params)]
        return [name for name in names if not environment.get(name)]

    def params(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """The arguments for litellm, with `os.environ/NAME` values replaced."""
        return {name: _filled(value, environment) for name, value in self.litellm_params.items()}


PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "written": "cache_creation_input_token_cost",
}
"""LiteLLM's names of prices, in US$ a token."""


def prices_of(info: Mapping[str, Any]) -> Prices | None:
    """The prices in LiteLLM's (or aomi.yaml's) data of a model; None unless input and output both have one."""
    prices = {name: str(info[field]) for name, field in PRICES.items() if info.get(field) is not None}
    return Prices(**prices) if {"input", "output"} <= prices.keys() else None


class App(BaseModel):
    """An entry of `apps:`. A session may choose among `model` and `models`. `fallbacks` are the models to try, in
    order, when a model fails before its first token. `params` override the model's own parameters. `reasoning: hidden`
    keeps what its models think from every client."""

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
    reasoning: Literal["shown", "hidden"] = "shown"


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", protected_namespaces=())  # LiteLLM's other sections are ignored

    model_list: list[Model] = []
    apps: list[App] = []


class Catalog:
    """The usable apps and models. Each app has a usable model.

    `notices` say where another model replaces the configured one; the worker logs them.
    """

    def __init__(self, apps: list[App], models: list[Model], notices: Sequence[str] = ()) -> None:
        self.notices = tuple(notices)
        self._apps = {app.id: app for app in apps}
        self._models = {model.model_name: model for model in models}

    @property
    def apps(self) -> list[App]:
        """All apps."""
        return list(self._apps.values())

    @property
    def models(self) -> list[Model]:
        """Every model."""
        return list(self._models.values())

    def app(self, app_id: str) -> App | None:
        """The app, or None."""
        return self._apps.get(app_id)

    def model(self, model_id: str) -> Model | None:
        """The model, or None."""
        return self._models.get(model_id)

    def models_of(self, app: App) -> list[Model]:
        """The models that a session of `app` may choose, the app's own first."""
        return [self._models[name] for name in dict.fromkeys((app.model, *app.models))]

    def choice(self, app_id: str, model_id: str) -> tuple[App, str]:
        """The app of a session and the model of its next turn: the named ones if they exist, else the defaults."""
        app = self._apps.get(app_id) or self._apps[DEFAULT_APP]
        return app, model_id if self.offers(app, model_id) else app.model

    def offers(self, app: App, model_id: str) -> bool:
        """Whether a session of `app` may choose the model."""
        return model_id in (app.model, *app.models)


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Catalog:
    """Read and check the file. Raises `ConfigError`."""
    content = _parse(path)
    _check_references(path, content)
    usable = {
        model.model_name: model
        for model in content.model_list
        if model.takes_own_keys or not model.missing(environment)
    }
    notices: list[str] = []
    fallback = None
    if all(_is_demo(model) for model in usable.values()):
        notices.append(f"No provider key is set, so {DEMO} answers: a demo, not a real model; see the README")
        demo = Model(model_name=DEMO, litellm_params={"model": DEMO}, model_info=DEMO_INFO)
        usable = usable or {DEMO: demo}
        fallback = next(iter(usable))
    apps = [_usable(path, index, app, usable, fallback) for index, app in enumerate(content.apps)]
    for wanted, used in zip(content.apps, apps, strict=True):
        if used.model not in (wanted.model, fallback):
            notices.append(
                f"app {used.id!r} uses model {used.model!r} because the API key of {wanted.model!r} is not set"
            )
    return Catalog(_with_default(apps, next(iter(usable))), list(usable.values()), notices)


def check(path: Path) -> None:
    """Raises `ConfigError` when the file is invalid in any environment."""
    _check_references(path, _parse(path))


def _parse(path: Path) -> _File:
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; AOMI_CONFIG names the file of apps and models") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: must have `model_list:` and `apps:`")
    try:
        return _File.model_validate(raw)
    except ValidationError as error:
        wrong = "; ".join(f"{_place(raw, part['loc'])}: {part['msg']}" for part in error.errors())
        raise ConfigError(f"{path}: {wrong}") from None


def _place(raw: Mapping[str, Any], location: tuple[int | str, ...]) -> str:
    """Where a mistake is, such as `apps[1] (id 'shop').model`."""
    path, value = "", raw
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
            value = value[part] if isinstance(value, list) and part < len(value) else {}
            if isinstance(value, dict) and (name := value.get("id") or value.get("model_name")):
                path += f" ({'id' if 'id' in value else 'model_name'} {name!r})"
        else:
            path += f".{part}" if path else part
            value = value.get(part, {}) if isinstance(value, dict) else {}
    return path


def _check_references(path: Path, content: _File) -> None:
    names = [model.model_name for model in content.model_list]
    ids = [app.id for app in content.apps]
    for what, values in (("model_list: model_name", names), ("apps: id", ids)):
        for value in values:
            if values.count(value) > 1:
                raise ConfigError(f"{path}: {what} {value!r} is defined {values.count(value)} times; must be unique")
    for index, app in enumerate(content.apps):
        for name in (app.model, *app.models, *app.fallbacks, *([app.title_model] if app.title_model else [])):
            if name not in names:
                raise ConfigError(
                    f"{path}: apps[{index}] (id {app.id!r}): there is no model {name!r}; "
                    f"model_list has {', '.join(map(repr, names)) or 'none'}"
                )


def _usable(path: Path, index: int, app: App, usable: Mapping[str, Model], fallback: str | None) -> App:
    """The app with only the models whose keys are set, else with `fallback`. Raises `ConfigError`."""
    models = [name for name in dict.fromkeys((app.model, *app.models)) if name in usable]
    if not models and fallback is None:
        raise ConfigError(
            f"{path}: apps[{index}] (id {app.id!r}): the API key of model {app.model!r} is not set in the "
            f"environment; set it, or choose a usable model: {', '.join(map(repr, usable))}"
        )
    models = models or [str(fallback)]
    title_model = app.title_model if app.title_model in usable else None
    fallbacks = tuple(name for name in app.fallbacks if name in usable)
    update = {"model": models[0], "models": tuple(models), "title_model": title_model, "fallbacks": fallbacks}
    return app.model_copy(update=update)


def _with_default(apps: list[App], model: str) -> list[App]:
    """The apps, with the app `default` added if it is missing."""
    named = [app if app.name else app.model_copy(update={"name": app.id}) for app in apps]
    if any(app.id == DEFAULT_APP for app in named):
        return named
    return [*named, App(id=DEFAULT_APP, name="Default", model=model)]


def _is_price(value: Any) -> bool:
    """Whether it is a number, or text such as 3e-6, which YAML reads as text."""
    try:
        return not isinstance(value, bool) and 0 <= float(value) < 1000
    except (TypeError, ValueError):
        return False


def _is_demo(model: Model) -> bool:
    return str(model.litellm_params["model"]).startswith("demo/")


def _references(value: Any) -> list[str]:
    """Every `os.environ/NAME` in a value, at any depth."""
    if isinstance(value, dict):
        return [name for part in value.values() for name in _references(part)]
    if isinstance(value, list):
        return [name for part in value for name in _references(part)]
    return [value] if isinstance(value, str) and value.startswith(FROM_ENVIRONMENT) else []


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    """The value with every `os.environ/NAME` in it replaced."""
    if isinstance(value, dict):
        return {name: _filled(part, environment) for name, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, environment) for part in value]
    return environment.get(value.removeprefix(FROM_ENVIRONMENT)) if _references(value) else value
