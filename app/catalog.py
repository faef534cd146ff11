"""Apps and models from one YAML file: LiteLLM's own `model_list:`, and `apps:`. Read without litellm.

An invalid file raises `ConfigError`, which names the file, the entry and what is right.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from app.checks import entries, keys, references, values
from app.checks.problems import Problem, refuse, warnings
from app.checks.references import FROM_ENVIRONMENT
from app.checks.spelling import nearest
from app.checks.yaml_file import YamlFile
from app.errors import ConfigError
from app.model_params import ModelParams
from app.usage import Prices

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


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", protected_namespaces=())  # LiteLLM's other sections are ignored

    model_list: list[Model] = []
    apps: list[App] = []


class Catalog:
    """The usable apps and models. Each app has a usable model.

    `notices` say where another model replaces the configured one; the worker logs them.
    """

    def __init__(
        self,
        apps: list[App],
        models: list[Model],
        notices: Sequence[str] = (),
        places: Mapping[tuple[str, ...], str] = MappingProxyType({}),
    ) -> None:
        self.notices = tuple(notices)
        self._places = places
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

    def place(self, *entry: str) -> str:
        """File and line of an entry: `("model", name)` or `("tool", app, name)`."""
        return self._places.get(entry, "aomi.yaml")

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
    """Read and check the file. Raises `ConfigError`, with a line for each thing that is wrong."""
    file, content, notices = _read(path)
    usable = {
        model.model_name: model
        for model in content.model_list
        if model.takes_own_keys or not model.missing(environment)
    }
    fallback = None
    if all(_is_demo(model) for model in usable.values()):
        notices.append(f"No provider key is set, so {DEMO} answers: a demo, not a real model; see the README")
        demo = Model(model_name=DEMO, litellm_params={"model": DEMO}, model_info=DEMO_INFO)
        usable = usable or {DEMO: demo}
        fallback = next(iter(usable))
    elif missing := _missing(file, content, usable, environment):
        refuse(missing)
        notices += warnings(missing)
    apps = [_usable(app, usable, fallback) for app in content.apps]
    for wanted, used in zip(content.apps, apps, strict=True):
        if used.model not in (wanted.model, fallback):
            notices.append(
                f"app {used.id!r} uses model {used.model!r} because the API key of {wanted.model!r} is not set"
            )
    return Catalog(_with_default(apps, next(iter(usable))), list(usable.values()), notices, _places(file, content))


def check(path: Path) -> None:
    """Raises `ConfigError` when the file is invalid in any environment."""
    _read(path)


def _read(path: Path) -> tuple[YamlFile, _File, list[str]]:
    """The file, its content, and warnings. Raises `ConfigError`."""
    file = YamlFile(path)
    if not isinstance(file.data, dict):
        raise ConfigError(f"{file.place()}: must have `model_list:` and `apps:`")
    problems = [*keys.problems(file, App.model_fields, ModelParams.model_fields)]
    problems += [*references.problems(file), *values.problems(file)]
    content = None
    try:
        content = _File.model_validate(file.data)
    except ValidationError as error:
        problems += [
            Problem(file.place(*part["loc"]), f"{keys.named(file.data, part['loc'])}: {part['msg']}")
            for part in error.errors()
            if part["type"] != "extra_forbidden"  # `keys` has said it
        ]
    else:
        problems += entries.problems(file)
    refuse(problems)
    assert content is not None
    return file, content, warnings(problems)


def _places(file: YamlFile, content: _File) -> dict[tuple[str, ...], str]:
    """File and line of each model, by `("model", name)`, and of each tool, by `("tool", app, name)`."""
    places: dict[tuple[str, ...], str] = {}
    for index, model in enumerate(content.model_list):
        places["model", model.model_name] = file.place("model_list", index)
    for index, app in enumerate(content.apps):
        for tool_index, tool in enumerate(app.tools):
            places["tool", app.id, tool] = file.place("apps", index, "tools", tool_index)
    return places


def _missing(
    file: YamlFile, content: _File, usable: Mapping[str, Model], environment: Mapping[str, str]
) -> list[Problem]:
    """The models that are left out because a variable is not set, but for those whose app says so, and the apps that
    have no model left. There is a usable model."""
    problems = []
    for index, model in enumerate(content.model_list):
        if model.model_name not in usable and not any(app.model == model.model_name for app in content.apps):
            told = f"model {model.model_name!r} is left out: {_not_set(model, environment)}"
            problems.append(Problem(file.place("model_list", index), told, refused=False))
    models = {model.model_name: model for model in content.model_list}
    for index, app in enumerate(content.apps):
        if not any(name in usable for name in (app.model, *app.models)):
            place, who = file.place("apps", index, "model"), keys.named(file.data, ("apps", index))
            told = f"{who}: the API key of model {app.model!r} is not set: {_not_set(models[app.model], environment)}"
            problems.append(Problem(place, f"{told}; or choose a usable model: {', '.join(map(repr, usable))}"))
    return problems


def _not_set(model: Model, environment: Mapping[str, str]) -> str:
    name = model.missing(environment)[0]
    near = nearest(name, (other for other in environment if environment[other] and other.isupper()))
    hint = f", but {near} is" if near and near.split("_")[0] == name.split("_")[0] else ""
    return f"{name} is not set{hint}"


def _usable(app: App, usable: Mapping[str, Model], fallback: str | None) -> App:
    """The app with only the models whose keys are set, else with `fallback`."""
    models = [name for name in dict.fromkeys((app.model, *app.models)) if name in usable] or [str(fallback)]
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
