"""Everything that is wrong before a process starts, in the order in which a process would meet it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import workers.models  # noqa: F401 - sets what litellm reads when it is imported, which a tool may do
from app import catalog, config
from app.catalog import Catalog
from app.config import Settings
from app.errors import ConfigError
from app.state.accounts.vault import Vault
from app.state.connection import clients
from app.state.scripts import Store
from workers.tools import of_apps

Result = TypeVar("Result")


@dataclass
class Findings:
    """`refused` lines, with which web or worker would not start, and `warnings`. Tools and providers are looked at only
    if the file can be read (`has_read_file`)."""

    refused: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    has_read_file: bool = False

    def attempt(self, load: Callable[[], Result]) -> Result | None:
        """The result; None if it is refused, which is noted."""
        try:
            return load()
        except ConfigError as error:
            self.refused += [line for line in str(error).splitlines() if line not in self.refused]
            self.warnings += error.warnings
            return None


class _EveryKey(Mapping[str, str]):
    """An environment in which every variable is set."""

    def __getitem__(self, name: str) -> str:
        return "set"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def find(*, with_models: bool) -> tuple[Findings, Settings | None, Catalog | None]:
    """The mistakes in the settings, the file, its tools and, `with_models`, its models' providers (this loads litellm,
    which takes seconds); and the settings and the catalog, if they are right."""
    found = Findings()
    read = found.attempt(config.read)
    settings, notices = read or (None, [])
    found.warnings += notices
    if settings:
        found.attempt(lambda: Vault(Store(clients.commands(settings), settings)))  # its keys; it does not connect
    path = config.apps_file()
    usable = found.attempt(lambda: catalog.load(path))
    found.warnings += usable.notices if usable else ()
    everything = Findings().attempt(lambda: catalog.load(path, _EveryKey()))
    if everything:
        found.has_read_file = True
        found.attempt(lambda: of_apps.load_all(everything))
        if with_models:
            _find_in_models(found, everything, usable)
    if with_models and settings and usable:
        from workers.check import budgets

        found.warnings += budgets.warnings(settings, usable)
        if any(app.mcp_tools for app in usable.apps):
            from workers.check import mcp_tools

            found.warnings += mcp_tools.warnings(settings, usable)
    return found, settings, usable


def _find_in_models(found: Findings, everything: Catalog, usable: Catalog | None) -> None:
    from workers.models import providers

    names: set[Any] = {model.model_name for model in usable.models} if usable else set()
    places = {everything.place("model", name) for name in names}
    for problem in providers.problems(everything):
        used = problem.place in places or usable is None
        (found.refused if problem.refused and used else found.warnings).append(str(problem))
