"""How aomi.yaml names variables of the environment: `os.environ/NAME`, as the whole of a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from app.checks.keys import named
from app.checks.problems import Problem
from app.checks.yaml_file import Location, YamlFile

FROM_ENVIRONMENT = "os.environ/"

_RIGHT = re.compile(r"os\.environ/[A-Za-z_][A-Za-z0-9_]*")
_WRONG = re.compile(
    r"""
      \$\{\s*(?:env[:.])?(\w+)[^}]*\}                     # ${NAME}, ${NAME:-x}, ${env:NAME}
    | ^\s*\$([A-Z_][A-Z0-9_]*)\s*$                        # $NAME
    | os\.environ\s*[./:\\\[(]+\s*(?:get\()?\W*(\w+)       # os.environ.NAME, os.environ["NAME"]
    | os\.getenv\W+(\w+)                                  # os.getenv("NAME")
    | ^\s*%([A-Z_][A-Z0-9_]*)%\s*$                        # %NAME%
    | \{\{\s*(?:env\.|\$)?(\w+)\s*\}\}                    # {{ NAME }}
    | ^\s*(?:env|environ|environment)[/:.]\s*(\w+)\s*$    # env/NAME
    """,
    re.VERBOSE,
)


def problems(file: YamlFile) -> Iterator[Problem]:
    """Each value that names a variable in a form that is taken literally, or where no variable is read."""
    for section, part in (("model_list", "litellm_params"), ("model_list", "model_info"), ("apps", "params")):
        entries = file.data.get(section)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            inside = entry.get(part) if isinstance(entry, dict) else None
            for location, text in _texts(inside, (section, index, part)):
                if wrong := _wrong(text, replaced=part == "litellm_params"):
                    yield Problem(file.place(*location), f"{named(file.data, location)}: {wrong}")


def _wrong(text: str, replaced: bool) -> str | None:
    """The mistake in a value. The value is not shown: it may hold a key."""
    if replaced and _RIGHT.fullmatch(text):
        return None
    found = _WRONG.search(text)
    if found is None:
        return "os.environ/ needs the name of a variable" if text.startswith(FROM_ENVIRONMENT) else None
    name = next(filter(None, found.groups()))
    if not replaced:
        return f"variables are read in litellm_params alone; {name} would be taken literally"
    if not re.search(r"\w", text.replace(found.group(), "", 1)):
        return f"{found.group().strip()} is taken literally; write {FROM_ENVIRONMENT}{name}"
    return (
        f"{found.group().strip()} is taken literally, because a variable must be the whole value; put the whole value "
        f"into a variable and write {FROM_ENVIRONMENT}NAME"
    )


def _texts(value: Any, location: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _texts(part, (*location, str(name)))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _texts(part, (*location, index))
