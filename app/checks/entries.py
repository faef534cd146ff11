"""What the entries of aomi.yaml say of each other: names that are there, once. For a file whose entries have the right
types."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from app.checks import approvals
from app.checks.keys import named
from app.checks.problems import Problem
from app.checks.spelling import hint
from app.checks.yaml_file import Location, YamlFile

DEMO_ENTRY = "{model_name: demo, litellm_params: {model: demo/assistant}}"
_TOOL = re.compile(r"[A-Za-z_]\w*|[A-Za-z_][\w.]*:[A-Za-z_]\w*")


Entry = dict[str, Any]


def problems(file: YamlFile) -> Iterator[Problem]:
    """Entries without a model, defined twice, or that name something that is not there."""
    models, apps = file.data.get("model_list", []), file.data.get("apps", [])
    if not models:
        told = "model_list has no model, so the demo would answer your users; name a model, or the demo itself: "
        yield Problem(file.place("model_list"), told + DEMO_ENTRY)
    yield from _twice(file, "model_list", "model_name", [model["model_name"] for model in models])
    yield from _twice(file, "apps", "id", [app["id"] for app in apps])
    names = [model["model_name"] for model in models]
    for index, app in enumerate(apps):
        at: Location = ("apps", index)
        yield from _unknown_models(file, at, app, names)
        yield from _useless_fallbacks(file, at, app)
        yield from _tools(file, at, app)
        for place, told in approvals.without_a_tool(app.get("approve", ()), app.get("tools", ())):
            yield Problem(file.place(*at, "approve", place), f"{named(file.data, at)}: {told}")
        yield from _misleading(file, at, app)


def _twice(file: YamlFile, section: str, key: str, values: Sequence[str]) -> Iterator[Problem]:
    for value, times in Counter(values).items():
        if times > 1:
            second = [index for index, other in enumerate(values) if other == value][1]
            told = f"{section}: {key} {value!r} is defined {times} times; must be unique"
            yield Problem(file.place(section, second), told)


def _unknown_models(file: YamlFile, at: Location, app: Entry, names: Sequence[str]) -> Iterator[Problem]:
    wanted: list[tuple[Location, str]] = [(("model",), app["model"])]
    wanted += [(("models", place), name) for place, name in enumerate(app.get("models", ()))]
    wanted += [(("fallbacks", place), name) for place, name in enumerate(app.get("fallbacks", ()))]
    wanted += [(("title_model",), app["title_model"])] if app.get("title_model") else []
    compact = app.get("compact")
    if isinstance(compact, dict) and compact.get("model"):
        wanted.append((("compact", "model"), compact["model"]))
    for inside, name in wanted:
        if name not in names:
            there = ", ".join(map(repr, names)) or "none"
            told = f"{named(file.data, at)}: there is no model {name!r}{hint(name, names)}; model_list has {there}"
            yield Problem(file.place(*at, *inside), told)


def _useless_fallbacks(file: YamlFile, at: Location, app: Entry) -> Iterator[Problem]:
    for place, name in enumerate(app.get("fallbacks", ())):
        if name in app["fallbacks"][:place]:
            told = f"{named(file.data, at)}: the fallback {name!r} is given twice; remove one"
            yield Problem(file.place(*at, "fallbacks", place), told)


def _tools(file: YamlFile, at: Location, app: Entry) -> Iterator[Problem]:
    functions: dict[str, str] = {}
    for index, name in enumerate(app.get("tools", ())):
        place, who = file.place(*at, "tools", index), named(file.data, at)
        if name.startswith("mcp:"):  # `mcp_servers` checks those
            continue
        if not _TOOL.fullmatch(name):
            yield Problem(
                place, f"{who}: a tool is a built-in one or package.module:Function, not {name!r}{_form(name)}"
            )
            continue
        function = name.rpartition(":")[2]
        if functions.get(function) == name:
            yield Problem(place, f"{who}: the tool {name!r} is given twice; remove one")
        elif function in functions:
            told = f"the tools {functions[function]!r} and {name!r} have the same name; rename one of them"
            yield Problem(place, f"{who}: {told}")
        functions.setdefault(function, name)


def _form(name: str) -> str:
    """What was probably meant, such as `shop:Buy` by `shop.Buy`, `./shop.py:Buy` or `shop:Buy()`."""
    bare = name.strip().removesuffix("()").removeprefix("./").replace(".py:", ":").replace("/", ".")
    if ":" not in bare and "." in bare:
        bare = ":".join(bare.rsplit(".", 1))
    return f"; did you mean {bare!r}?" if _TOOL.fullmatch(bare) else ""


def _misleading(file: YamlFile, at: Location, app: Entry) -> Iterator[Problem]:
    who, params = named(file.data, at), app.get("params", {})
    if app["id"] != "default" and app["id"].casefold() == "default":
        told = f"{who}: is another app than 'default', which clients get without a key"
        yield Problem(file.place(*at, "id"), told, refused=False)
    if {"max_tokens", "max_completion_tokens"} <= params.keys():
        told = f"{who}.params: has max_tokens and max_completion_tokens, and providers take one; remove the other"
        yield Problem(file.place(*at, "params", "max_completion_tokens"), told)
