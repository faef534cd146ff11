"""The `aomi` command."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import cast

import click

from app import config
from app.commands import dev_file
from app.commands.echo import echo
from app.errors import ConfigError
from app.state.connection.clients import Unavailable

SUBCOMMANDS = {
    "chat": "app.commands.chat.command",
    "check": "app.commands.check",
    "inspect": "app.commands.inspect.command",
    "keys": "app.commands.keys",
    "mcp": "app.commands.mcp",
    "reload": "app.commands.reload",
    "sessions": "app.commands.sessions",
    "usage": "app.commands.usage",
    "users": "app.commands.users",
    "webhooks": "app.commands.webhooks",
}
"""Subcommands in their own modules, which are imported only when used."""


class Commands(click.Group):
    """The commands of this file and of `SUBCOMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted([*super().list_commands(ctx), *SUBCOMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        if cmd_name in SUBCOMMANDS:
            return cast(click.Command, getattr(import_module(SUBCOMMANDS[cmd_name]), cmd_name))
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands)
@click.version_option(package_name="aomi-backend")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Run and operate an aomi backend. `.env` in this folder counts, and the `aomi dev` that runs in it is found."""
    if ctx.invoked_subcommand != "dev":
        dev_file.join()  # first: it says where that backend is, whatever .env says
    config.read_env_file()


@cli.command()
@click.option("--port", default=8000, show_default=True, envvar="PORT", help="Where the web process listens.")
def dev(port: int) -> None:
    """Start Redis (unless REDIS_URL is set), a web process and a worker. Ctrl-C stops all of them."""
    from app.commands import dev

    raise SystemExit(dev.run(port))


@cli.command()
@click.option("--file", "of_file", is_flag=True, help="Print every key of aomi.yaml as the tables of docs/apps.md.")
def settings(of_file: bool) -> None:
    """Print every setting as the table of docs/settings.md."""
    if of_file:
        from app.commands import file_keys

        echo("\n\n".join(f"<!-- {name} -->\n{table}" for name, table in file_keys.tables().items()))
    else:
        echo(config.table())


@cli.command("encryption-key")
def encryption_key() -> None:
    """Print a new key for AOMI_ENCRYPTION_KEY, alone on the last line."""
    from cryptography.fernet import Fernet

    echo(Fernet.generate_key().decode())


def main() -> None:
    """Run the command. An error of ours is one line on stderr and exit code 2."""
    try:
        cli()
    except ConfigError as error:
        for line in str(error).splitlines():
            echo(f"aomi: {line}", err=True)
        sys.exit(2)
    except Unavailable as error:
        echo(f"aomi: Redis does not answer ({error}); start it, or set REDIS_URL to its address", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
