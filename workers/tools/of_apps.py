"""The tools that the apps of aomi.yaml name."""

from __future__ import annotations

from app.catalog import Catalog
from app.errors import ConfigError
from workers.tools import Tool, load
from workers.tools.async_loop import ToolLoop


def load_all(catalog: Catalog, loop: ToolLoop | None = None) -> dict[str, dict[str, Tool]]:
    """The tools of every app, by app and name; `loop` runs those that are async.

    Raises `ConfigError`, with a line for each that cannot be loaded."""
    loaded: dict[str, dict[str, Tool]] = {}
    wrong: list[str] = []
    for app in catalog.apps:
        loaded[app.id] = {}
        for name in app.own_tools:
            place = catalog.place("tool", app.id, name)
            try:
                tool = load(name, place, loop, app=app.id)
            except ConfigError as error:
                wrong.append(str(error))
                continue
            if tool.name in loaded[app.id]:
                wrong.append(f"{place}: app {app.id!r}: two tools have the name {tool.name!r}; rename one of them")
            loaded[app.id][tool.name] = tool
    if wrong:
        raise ConfigError("\n".join(wrong))
    return loaded
