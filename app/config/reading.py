"""Reads the settings at start: each variable that is wrong is told, and each that nothing reads."""

from __future__ import annotations

import os
from pathlib import Path

from dotenv import load_dotenv
from pydantic import ValidationError

from app.checks import variables
from app.checks.problems import Problem, refuse, warnings
from app.config.owners import OwnerSettings
from app.config.settings import Settings
from app.config.sources import RENAMED, SECRETS, variable_of

ENV_FILE = Path(".env")


def read_env_file() -> None:
    """Add to the environment what `.env` in the current folder holds and the environment lacks, keys of providers
    included."""
    load_dotenv(ENV_FILE)


def load() -> Settings:
    """Read the settings, from `.env` as well.

    Raises `ConfigError`, with a line for each variable that is wrong or misspelt.
    """
    return read()[0]


def read() -> tuple[Settings, list[str]]:
    """As `load`, with warnings: variables that nothing reads."""
    file = variables.read_env_file(ENV_FILE, os.environ)
    read_env_file()
    problems = list(variables.problems(os.environ, known_variables(), file))
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        for part in error.errors():
            told = part["msg"].removeprefix("Value error, ")
            if not part["loc"]:  # of several settings: the message names them
                problems.append(Problem(file.place(told.partition(" ")[0]), told))
                continue
            variable = variable_of(str(part["loc"][0]))
            problems.append(Problem(file.place(variable), f"{variable}: {told}"))
    refuse(problems)
    assert settings is not None
    return settings, warnings(problems)


def apps_file() -> Path:
    """The file that `AOMI_CONFIG` names, also where another setting is wrong."""
    return Path(os.environ.get("AOMI_CONFIG", str(Settings.model_fields["config"].default)))


def known_variables() -> set[str]:
    """The names of all variables that begin with `AOMI_`, and some of the others."""
    fields = {variable_of(str(field.validation_alias or name)) for name, field in Settings.model_fields.items()}
    files = {f"{name}_FILE" for name in SECRETS}
    return fields | files | {variable_of(name) for name in RENAMED} | {*variables.OF_COMMANDS}


def table() -> str:
    """The settings as the Markdown table of docs/settings.md."""
    rows = ["| variable | default | what it sets |", "|---|---|---|"]
    for name, field in sorted(Settings.model_fields.items(), key=lambda item: item[0] in OwnerSettings.model_fields):
        variable = variable_of(str(field.validation_alias or name))
        default = "" if field.default in (None, "") else f"`{field.default}`"
        rows.append(f"| `{variable}` | {default} | {field.description} |")
    return "\n".join(rows)
