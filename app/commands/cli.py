"""`aomi`: what an operator does by hand."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import cast

import click

from app import config
from app.errors import ConfigError
from app.state.connection.clients import Unavailable

ELSEWHERE = {
    "chat": "app.commands.chat.command",
    "inspect": "app.commands.inspect.command",
    "keys": "app.commands.keys",
    "sessions": "app.commands.sessions",
    "usage": "app.commands.usage",
}
"""Commands with modules of their own, imported when they are asked for."""


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
    from app.commands import dev

    raise SystemExit(dev.run(port))


@cli.command()
def settings() -> None:
    """Print every setting as the table of docs/settings.md."""
    click.echo(config.table())


@cli.command("encryption-key")
def encryption_key() -> None:
    """Make a key for AOMI_ENCRYPTION_KEY, alone on the last line."""
    from cryptography.fernet import Fernet

    click.echo(Fernet.generate_key().decode())


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
