"""The forms of REDIS_URL: one server, a master that Sentinels watch, or a Redis Cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

Kind = Literal["server", "sentinel", "cluster"]
Address = tuple[str, int]

SCHEMES = (
    "redis://, rediss:// and unix:// for one server, redis+sentinel:// and rediss+sentinel:// for a master that "
    "Sentinels watch, redis+cluster:// and rediss+cluster:// for a cluster"
)
_PORTS = {"sentinel": 26379, "cluster": 6379}
_OF_SENTINELS = {"sentinel_username": "username", "sentinel_password": "password"}


@dataclass(frozen=True)
class RedisTarget:
    """Where a Redis is. `url` is that of a plain server and says how each connection is made. `addresses` are those of
    the Sentinels, which know the master as `master` and take the credentials `sentinel`, or of nodes of the cluster.
    `credentials_file` contains the URL whose user and password are used instead of those in `url`."""

    kind: Kind
    url: str
    addresses: tuple[Address, ...] = ()
    master: str = ""
    sentinel: tuple[tuple[str, str], ...] = ()
    credentials_file: Path | None = None

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.url.startswith("rediss:")


def read(url: str) -> RedisTarget:
    """The target of a URL. Raises `ValueError`; the message never holds a password."""
    scheme, _, kind = url.partition("://")[0].partition("+")
    if not kind and scheme in ("redis", "rediss", "unix"):
        return RedisTarget("server", url)
    if scheme not in ("redis", "rediss") or kind not in _PORTS:
        raise ValueError(f"has none of the schemes {SCHEMES}")
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    addresses = tuple(_address(host, _PORTS[kind]) for host in hosts.split(","))
    if kind == "cluster":
        if parts.path not in ("", "/", "/0"):
            raise ValueError("names a database; a cluster has only database 0")
        return RedisTarget("cluster", _plain(scheme, user, addresses[0], "0", parts.query), addresses)
    return _watched(scheme, user, addresses, parts)


def _watched(scheme: str, user: str, addresses: tuple[Address, ...], parts: SplitResult) -> RedisTarget:
    _, master, *database = parts.path.split("/") if parts.path else ("", "")
    if not master or len(database) > 1 or not (database or ["0"])[0].isdecimal():
        raise ValueError("must end with the name of the master: /mymaster, or /mymaster/<database>")
    options = dict(parse_qsl(parts.query))
    sentinel = tuple((name, options.pop(option)) for option, name in _OF_SENTINELS.items() if option in options)
    url = _plain(scheme, user, addresses[0], (database or ["0"])[0], urlencode(options))
    return RedisTarget("sentinel", url, addresses, unquote(master), sentinel)


def _plain(scheme: str, user: str, address: Address, database: str, query: str) -> str:
    host, port = address
    credentials = f"{user}@" if user else ""
    return f"{scheme}://{credentials}{f'[{host}]' if ':' in host else host}:{port}/{database}?{query}".rstrip("?")


def _address(text: str, port: int) -> Address:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port or port
    except ValueError:
        host = None
    if not host or parts.path:
        raise ValueError("must name hosts as host:port, with commas between")
    return host, port
