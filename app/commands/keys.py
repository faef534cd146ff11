"""`aomi keys`: create, show, update, rotate and revoke API keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any

import click

from app import catalog, config
from app.catalog import DEFAULT_APP
from app.commands.durations import Duration
from app.commands.echo import echo
from app.commands.key_options import policy_options
from app.commands.output import Output, json_option
from app.commands.redis_store import open_store
from app.errors import ConfigError
from app.state.accounts.api_keys import EVERY_APP, ApiKey, ApiKeys, KeyPolicy
from app.state.clock import iso


@dataclass(frozen=True)
class Row:
    """A key as commands show it."""

    id: str
    label: str
    apps: tuple[str, ...]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    requests_per_minute: int | None
    running_turns: int | None
    budget: str | None

    @classmethod
    def of(cls, key: ApiKey) -> Row:
        """The key without its secret, which is not stored."""
        return cls(
            id=key.id,
            label=key.label,
            apps=key.apps,
            created_at=key.created_at,
            expires_at=key.expires_at or None,
            last_used_at=key.last_used_at or None,
            requests_per_minute=key.requests_per_minute,
            running_turns=key.running_turns,
            budget=None if key.budget is None else str(key.budget),
        )


@click.group()
def keys() -> None:
    """API keys for all apps except the default one. KEY is an id, its beginning, or the key itself."""


@keys.command()
@click.option("--app", "apps", multiple=True, required=True, help="An app it opens, or * for all. May be repeated.")
@policy_options
def create(apps: tuple[str, ...], **_: Any) -> None:
    """Create a key. It is shown once, alone on the last line."""
    _check(apps)
    secret = _api_keys().issue(**_policy_from_options() | {"apps": apps})
    echo(f"A key for {', '.join(apps)}. Only its hash is stored, so save it now:", err=True)
    echo(secret)


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """Show all keys, the oldest first."""
    rows, output = [Row.of(key) for key in _api_keys().all()], Output(as_json, full=True)
    if as_json:
        echo(output.json(rows))
    elif not rows:
        echo("There is no key yet; create one with: aomi keys create --app APP", err=True)
    else:
        echo(output.table(Row, rows))


@keys.command()
@click.argument("key")
@json_option
def show(key: str, as_json: bool) -> None:
    """Show one key."""
    row = Row.of(_one(_api_keys(), key))
    output = Output(as_json, full=True)
    echo(output.json(row) if as_json else output.pairs(asdict(row)))


@keys.command()
@click.argument("key")
@click.option("--app", "apps", multiple=True, help="The apps it opens from now on. May be repeated.")
@policy_options
def update(key: str, apps: tuple[str, ...], **_: Any) -> None:
    """Change the given settings of a key, from its next request on."""
    _check(apps)
    changes = _policy_from_options()
    if not changes:
        raise ConfigError("There is nothing to change; `aomi keys update --help` lists the options")
    api_keys = _api_keys()
    api_key = _one(api_keys, key)
    before = {field.name: getattr(api_key, field.name) for field in fields(KeyPolicy)}
    if not api_keys.change(api_key, KeyPolicy(**before | changes)):
        raise _no_such_key()
    echo(f"Changed key {api_key.id}: {', '.join(name.replace('_', ' ') for name in changes)}.")


@keys.command()
@click.argument("key")
@click.option(
    "--overlap", type=Duration(), default="24h", show_default=True, help="How long the old secret stays valid."
)
def rotate(key: str, overlap: int) -> None:
    """Give a key a new secret, shown alone on the last line. The old one is valid until the overlap ends."""
    api_keys = _api_keys()
    api_key = _one(api_keys, key)
    secret = api_keys.rotate(api_key, overlap)
    if secret is None:
        raise _no_such_key()
    until = iso(api_keys.now() + timedelta(seconds=overlap), "seconds")
    old = (
        f"The old secret of key {api_key.id} is valid until {until}"
        if overlap
        else "The old secret is refused from now on"
    )
    echo(f"{old}. Only the hash of the new one is stored, so save it now:", err=True)
    echo(secret)


@keys.command()
@click.argument("key")
def revoke(key: str) -> None:
    """Delete a key."""
    api_keys = _api_keys()
    api_keys.revoke(_one(api_keys, key))
    echo("Revoked: requests with this key are refused from now on.")


def _policy_from_options() -> dict[str, Any]:
    """The fields of `KeyPolicy` that the command line sets."""
    context = click.get_current_context()
    names = [field.name for field in fields(KeyPolicy)]
    default = click.core.ParameterSource.DEFAULT
    return {
        name: context.params[name]
        for name in names
        if name in context.params and context.get_parameter_source(name) is not default
    }


def _check(apps: tuple[str, ...]) -> None:
    """Raises `ConfigError` for an app that aomi.yaml does not have."""
    loaded = config.load()
    configured = catalog.load(loaded.config) if apps else None
    for app in apps:
        if configured and app != EVERY_APP and configured.app(app) is None:
            names = ", ".join(each.id for each in configured.apps if each.id != DEFAULT_APP) or "only the default app"
            raise ConfigError(f"{loaded.config} has no app {app!r}; it has: {names}")


def _one(api_keys: ApiKeys, name: str) -> ApiKey:
    matching = api_keys.named(name)
    if not matching:
        raise _no_such_key()
    if len(matching) > 1:
        ids = ", ".join(key.id for key in matching)
        raise ConfigError(f"{len(matching)} keys begin with this: {ids}; write more of the id")
    return matching[0]


def _no_such_key() -> ConfigError:
    return ConfigError("There is no such key; `aomi keys list` shows all keys")


def _api_keys() -> ApiKeys:
    return ApiKeys(open_store())
