"""Which apps and models can be used in an environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from app.catalog import file as aomi_yaml
from app.catalog.apps import DEFAULT_APP, App
from app.catalog.catalog import Catalog
from app.catalog.compaction import Compaction
from app.catalog.file import Content
from app.catalog.models import DEMO, DEMO_INFO, Model
from app.checks import keys
from app.checks.problems import Problem, refuse, warnings
from app.checks.spelling import nearest
from app.checks.yaml_file import YamlFile


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Catalog:
    """Read and check the file. Raises `ConfigError`, with a line for each thing that is wrong."""
    file, content, notices = aomi_yaml.read(path)
    usable = {
        model.model_name: model
        for model in content.model_list
        if model.takes_own_keys or not model.missing(environment)
    }
    notices += _wrapped(usable.values(), environment) + list(_byok_without_effect(content.model_list))
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
    notices += [
        f"the tools of the MCP server {name!r} are not available: {unset[0]} is not set"
        for name, server in content.mcp_servers.items()
        if (unset := server.missing(environment))
    ]
    notices += [
        f"the webhook of app {app.id!r} is not sent: {fault}"
        for app in apps
        for fault in (app.webhook.faults(environment) if app.webhook else ())
    ]
    return Catalog(
        _with_default(apps, next(iter(usable))),
        list(usable.values()),
        notices,
        aomi_yaml.places(file, content),
        content.mcp_servers,
        file.digest,
    )


def _byok_without_effect(models: Iterable[Model]) -> Iterator[str]:
    for model in models:
        if model.model_info.get("byok") is True and model.own_key_refusal:
            yield f"model {model.model_name!r} has byok: true, but no client's key is used: {model.own_key_refusal}"


def _wrapped(models: Iterable[Model], environment: Mapping[str, str]) -> list[str]:
    """Variables whose value begins or ends with a quote or a space: Docker's `--env-file` keeps quotes, for example."""
    names = dict.fromkeys(name for model in models for name in model.variables)
    wrapped = [name for name in names if environment.get(name, "").strip(" \t\r\n\"'") != environment.get(name, "")]
    return [f"{name} has a quote or a space at an end of its value, which is sent as it is" for name in wrapped]


def _missing(
    file: YamlFile, content: Content, usable: Mapping[str, Model], environment: Mapping[str, str]
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
    return app.model_copy(update=update | {"compact": _usable_compaction(app.compact, usable)})


def _usable_compaction(compact: Compaction | None, usable: Mapping[str, Model]) -> Compaction | None:
    """Without its model if that cannot be used."""
    if compact is None or compact.model is None or compact.model in usable:
        return compact
    return compact.model_copy(update={"model": None})


def _with_default(apps: list[App], model: str) -> list[App]:
    """The apps, with the app `default` added if it is missing."""
    named = [app if app.name else app.model_copy(update={"name": app.id}) for app in apps]
    if any(app.id == DEFAULT_APP for app in named):
        return named
    return [*named, App(id=DEFAULT_APP, name="Default", model=model)]


def _is_demo(model: Model) -> bool:
    return str(model.litellm_params["model"]).startswith("demo/")
