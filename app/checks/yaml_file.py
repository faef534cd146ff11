"""A YAML file that knows the line of each of its entries."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from app.checks.problems import Problem
from app.errors import ConfigError

Location = tuple[int | str, ...]
"""The way to an entry, such as `("apps", 0, "tools", 2)`."""


MAX_ENTRIES = 100_000


class _Loader(yaml.SafeLoader):
    """Says the line of a value that does not fit its type, such as the date 2026-13-45."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError):
            kind = node.tag.rpartition(":")[2]
            told = f"this is no valid {kind}; put text in quotes"
            raise yaml.constructor.ConstructorError(None, None, told, node.start_mark) from None


def digest_of(path: Path) -> str:
    """The SHA-256 of the file in hex, as `sha256sum` shows it. Raises `ConfigError`: the file cannot be read."""
    return _digest(_text(path))


class YamlFile:
    """The content of a file as `data`, its `digest`, and the keys that are `repeated` in it."""

    def __init__(self, path: Path) -> None:
        """Raises `ConfigError`: the file cannot be read, or is no YAML."""
        self.path = path
        text = _text(path)
        self.digest = _digest(text)
        try:
            loader = _Loader(text)
            self._root = loader.get_single_node()
            self._refuse_large()
            self.repeated = list(self._repeated(self._root, set())) if self._root else []
            self.data: Any = loader.construct_document(self._root) if self._root else None
        except yaml.YAMLError as error:
            raise ConfigError(str(self._unreadable(error))) from None
        except RecursionError:
            raise ConfigError(f"{path}: cannot be read as YAML: nested too deeply") from None

    def place(self, *location: int | str) -> str:
        """File and line of the entry, or of the nearest one around it."""
        node, line = self._root, 1
        for part in location:
            found = _inside(node, part)
            if found is None:
                break
            marked, node = found
            line = marked.start_mark.line + 1
        return f"{self.path}:{line}"

    def _refuse_large(self) -> None:
        """Raises `ConfigError` when the entries are too many once each alias (`*name`) stands for what it names."""
        if self._root and _entries(self._root, {}) > MAX_ENTRIES:
            raise ConfigError(
                f"{self.path}: has more than {MAX_ENTRIES:,} entries, or an alias (`*name`) for what is around it"
            )

    def _unreadable(self, error: yaml.YAMLError) -> Problem:
        mark = getattr(error, "problem_mark", None)
        place = f"{self.path}:{mark.line + 1}" if mark else str(self.path)
        return Problem(place, f"cannot be read as YAML: {getattr(error, 'problem', None) or error}")

    def _repeated(self, node: yaml.Node, visited: set[int]) -> Iterator[Problem]:
        if id(node) in visited:
            return
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                yield from self._repeated(item, visited)
        elif isinstance(node, yaml.MappingNode):
            names: set[str] = set()
            for key, value in node.value:
                if isinstance(key.value, str) and key.value in names and key.tag != "tag:yaml.org,2002:merge":
                    place = f"{self.path}:{key.start_mark.line + 1}"
                    yield Problem(place, f"{key.value!r} is given twice, and YAML keeps the last one alone; join them")
                if isinstance(key.value, str):
                    names.add(key.value)
                yield from self._repeated(value, visited)


def _entries(node: yaml.Node, known: dict[int, float]) -> float:
    """The number of nodes, those of an alias each time it is written; infinite in a circle."""
    if id(node) not in known:
        known[id(node)] = math.inf
        parts = node.value if isinstance(node, yaml.SequenceNode) else ()
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_entries(part, known) for part in parts)
    return known[id(node)]


def _inside(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """The node to point at for one step of a location, and the node to go on from."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    if isinstance(node, yaml.MappingNode):
        # the last one counts: a merge (`<<`) puts what it merges before the mapping's own entries
        return next(((key, value) for key, value in reversed(node.value) if key.value == str(part)), None)
    return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():  # to open a pipe could wait for ever
            kind = "a folder" if path.is_dir() else "no regular file"
            raise ConfigError(f"{path}: is {kind}; AOMI_CONFIG must name the file of apps and models")
        return path.read_bytes().decode()  # with its line ends: the digest counts them
    except FileNotFoundError:
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise ConfigError(
            f"{path}: there is no such file{where}; AOMI_CONFIG must name the file of apps and models{_tilde(path)}"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: cannot be read as YAML: byte {error.start} is not UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; AOMI_CONFIG names this file") from None


def _tilde(path: Path) -> str:
    return "; only a shell replaces `~`: write the whole path" if str(path).startswith("~") else ""
