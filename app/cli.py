"""`aomi`: what an operator does by hand."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import cast

import click

from app import catalog, config
from app.catalog import DEFAULT_APP
from app.errors import ConfigError
from app.state import clients
from app.state.api_keys import EVERY_APP, ApiKeys
from app.state.clients import Unavailable
from app.state.store import Store

ELSEWHERE = {"chat": "app.terminal.command", "inspect": "app.inspecting.command", "sessions": "app.retention.command"}
"""Commands with a package of their own, imported when they are asked for."""


class Commands(click.Group):
    """The commands of this file, and those of `ELSEWHERE`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted([*super().list_commands(ctx), *ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, None if there is none."""
        if cmd_name in ELSEWHERE:
            return cast(click.Command, getattr(import_module(ELSEWHERE[cmd_name]), cmd_name))
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands)
@click.version_option(package_name="aomi-backend")
def cli() -> None:
    """Run and look after an aomi backend."""


@cli.command()
@click.option("--port", default=8000, show_default=True, envvar="PORT", help="Where the web process listens.")
def dev(port: int) -> None:
    """Start Redis (if REDIS_URL is not set), web and worker together; Ctrl-C stops all."""
    from app import dev

    raise SystemExit(dev.run(port))


@cli.command()
def settings() -> None:
    """Print every setting as the README's table."""
    click.echo(config.table())


@cli.command("encryption-key")
def encryption_key() -> None:
    """Make a key for AOMI_ENCRYPTION_KEY, alone on the last line."""
    from cryptography.fernet import Fernet

    click.echo(Fernet.generate_key().decode())


@cli.group()
def keys() -> None:
    """API keys for the apps other than the default one."""


@keys.command()
@click.option(
    "--app", "apps", multiple=True, required=True, help="An app it opens, or * for every app; give it again for more."
)
@click.option("--label", default="", help="A word for you to know it by.")
def create(apps: tuple[str, ...], label: str) -> None:
    """Make a key. It is shown once, alone on the last line."""
    loaded = config.load()
    known = catalog.load(loaded.config)
    for app in apps:
        if app != EVERY_APP and known.app(app) is None:
            names = ", ".join(found.id for found in known.apps if found.id != DEFAULT_APP) or "none but the default"
            raise ConfigError(f"{loaded.config} has no app {app!r}; it has: {names}")
    key = _api_keys().issue(apps, label)
    click.echo(f"A key for {', '.join(apps)}; only its hash is kept, so note it now:", err=True)
    click.echo(key)


@keys.command("list")
def list_keys() -> None:
    """Show every key by its id: the start of its SHA-256."""
    found = _api_keys().all()
    if not found:
        click.echo("There is no key yet; make one with: aomi keys create --app APP", err=True)
    for key in found:
        click.echo(f"{key.id}  {key.created_at}  {','.join(key.apps)}  {key.label}".rstrip())


@keys.command()
@click.argument("key")
def revoke(key: str) -> None:
    """Remove a key, given in full or by its id."""
    if not _api_keys().revoke(key):
        raise ConfigError("There is no such key; `aomi keys list` shows them all")
    click.echo("Revoked: requests with this key are refused from now on.")


def _api_keys() -> ApiKeys:
    settings = config.load()
    return ApiKeys(Store(clients.commands(settings), settings))


def main() -> None:
    """Run the command; a mistake is one line on stderr and exit code 2."""
    try:
        cli()
    except ConfigError as error:
        click.echo(f"aomi: {error}", err=True)
        sys.exit(2)
    except Unavailable as error:
        click.echo(f"aomi: Redis does not answer ({error}); start it, or set REDIS_URL to where it is", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
