"""`aomi keys`: make, show, change, rotate and revoke API keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from app import catalog, config
from app.catalog import DEFAULT_APP
from app.commands.inspect.tables import Shown
from app.commands.key_options import Duration, terms
from app.errors import ConfigError
from app.state.api_keys import EVERY_APP, ApiKey, ApiKeys, KeyPolicy
from app.state.clock import iso
from app.state.connection import clients
from app.state.scripts import Store


@dataclass(frozen=True)
class Row:
    """A key as it is shown."""

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
        """What may be shown of a key: all but its secret, which is not kept."""
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


as_json = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")


@click.group()
def keys() -> None:
    """API keys for the apps other than the default one. KEY is an id, its beginning, or the key itself."""


@keys.command()
@click.option("--app", "apps", multiple=True, required=True, help="An app it opens, or * for all; may be repeated.")
@terms
def create(apps: tuple[str, ...], **_: Any) -> None:
    """Make a key. It is shown once, alone on the last line."""
    _check(apps)
    given = _given()
    secret = _api_keys().issue(**given | {"apps": apps})
    click.echo(f"A key for {', '.join(apps)}; only its hash is kept, so note it now:", err=True)
    click.echo(secret)


@keys.command("list")
@as_json
def list_keys(as_json: bool) -> None:
    """Show all keys, the oldest first."""
    found = [Row.of(key) for key in _api_keys().all()]
    if as_json:
        click.echo(_shown(True).json(found))
    elif not found:
        click.echo("There is no key yet; make one with: aomi keys create --app APP", err=True)
    else:
        click.echo(_shown(False).table(Row, found))


@keys.command()
@click.argument("key")
@as_json
def show(key: str, as_json: bool) -> None:
    """Show one key."""
    row = Row.of(_one(_api_keys(), key))
    shown = _shown(as_json)
    click.echo(shown.json(row) if as_json else shown.pairs(asdict(row)))


@keys.command()
@click.argument("key")
@click.option("--app", "apps", multiple=True, help="The apps it opens from now on; may be repeated.")
@terms
def update(key: str, apps: tuple[str, ...], **_: Any) -> None:
    """Change what is set of a key; what is not given stays. It counts from the next request on."""
    _check(apps)
    given = _given()
    if not given:
        raise ConfigError("Nothing to change was given; `aomi keys update --help` shows what can be")
    api_keys = _api_keys()
    found = _one(api_keys, key)
    before = {field.name: getattr(found, field.name) for field in fields(KeyPolicy)}
    if not api_keys.change(found, KeyPolicy(**before | given)):
        raise _gone(key)
    click.echo(f"Changed key {found.id}: {', '.join(name.replace('_', ' ') for name in given)}.")


@keys.command()
@click.argument("key")
@click.option(
    "--overlap", type=Duration(), default="24h", show_default=True, help="How long the old secret stays good."
)
def rotate(key: str, overlap: int) -> None:
    """Give a key a new secret, alone on the last line. The old one is good until the overlap ends."""
    api_keys = _api_keys()
    found = _one(api_keys, key)
    secret = api_keys.rotate(found, overlap)
    if secret is None:
        raise _gone(key)
    until = iso(datetime.now(UTC) + timedelta(seconds=overlap), "seconds")
    old = (
        f"The old secret of key {found.id} is good until {until}"
        if overlap
        else "The old secret is refused from now on"
    )
    click.echo(f"{old}; only the hash of the new one is kept, so note it now:", err=True)
    click.echo(secret)


@keys.command()
@click.argument("key")
def revoke(key: str) -> None:
    """Remove a key."""
    api_keys = _api_keys()
    api_keys.revoke(_one(api_keys, key))
    click.echo("Revoked: requests with this key are refused from now on.")


def _given() -> dict[str, Any]:
    """What the command line sets of a key, by the names of `KeyPolicy`."""
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
    known = catalog.load(loaded.config) if apps else None
    for app in apps:
        if known and app != EVERY_APP and known.app(app) is None:
            names = ", ".join(found.id for found in known.apps if found.id != DEFAULT_APP) or "none but the default"
            raise ConfigError(f"{loaded.config} has no app {app!r}; it has: {names}")


def _one(api_keys: ApiKeys, name: str) -> ApiKey:
    found = api_keys.named(name)
    if not found:
        raise _gone(name)
    if len(found) > 1:
        raise ConfigError(f"{len(found)} keys begin so: {', '.join(key.id for key in found)}; write more of the id")
    return found[0]


def _gone(name: str) -> ConfigError:
    return ConfigError("There is no such key; `aomi keys list` shows them all")


def _shown(as_json: bool) -> Shown:
    return Shown(as_json, full=True)


def _api_keys() -> ApiKeys:
    settings = config.load()
    return ApiKeys(Store(clients.commands(settings), settings))
