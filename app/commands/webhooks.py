"""`aomi webhooks`: list, drop and retry messages to the receivers of apps."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from app.commands.echo import echo
from app.commands.inspect import deliveries
from app.commands.inspect.reports import Reports
from app.commands.output import Output, with_output
from app.commands.redis_store import open_store
from app.errors import ConfigError
from app.state.inspection import Inspection
from app.state.webhooks.deliveries import Deliveries, Place

Command = Callable[..., None]


@click.group(invoke_without_command=True)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many to show.")
@with_output
@click.pass_context
def webhooks(ctx: click.Context, limit: int, as_json: bool, full: bool) -> None:
    """List the messages to receivers that are due or were given up, or drop or retry them."""
    if ctx.invoked_subcommand is None:
        echo(Reports(Output(as_json, full)).webhooks(limit))


def _with_choice(command: Command) -> Command:
    """Add the options that choose messages: `command(places, store's deliveries)`."""

    @click.argument("message_ids", metavar="[MESSAGE]...", nargs=-1)
    @click.option("--app", default="", help="All messages of this app.")
    @click.option("--all", "every", is_flag=True, help="All messages.")
    @wraps(command)
    def run(message_ids: tuple[str, ...], app: str, every: bool, **more: Any) -> None:
        if not (message_ids or app or every):
            raise ConfigError("Say which messages: ids, --app or --all; `aomi webhooks` lists them")
        store = open_store()
        webhooks = Deliveries(store)
        found = [place for place, *_ in deliveries.places(Inspection(store), webhooks)]
        if unknown := set(message_ids) - {place.message_id for place in found}:
            raise ConfigError(f"There is no message {min(unknown)!r}; `aomi webhooks` lists them")
        chosen = [one for one in found if every or one.app == app or one.message_id in message_ids]
        if app and not chosen:
            raise ConfigError(f"There is no message of the app {app!r}; `aomi webhooks` lists those that there are")
        command(webhooks, chosen, **more)

    return run


@webhooks.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@_with_choice
def drop(webhooks: Deliveries, places: list[Place], yes: bool) -> None:
    """Drop messages: their receiver does not get them. One that is being sent may still arrive."""
    if not yes:
        click.confirm(f"Drop {_count(places)} for good?", abort=True, err=True)
    for place in places:
        webhooks.drop(place)
    echo(f"Dropped: {_count(places)}.")


@webhooks.command()
@_with_choice
def retry(webhooks: Deliveries, places: list[Place]) -> None:
    """Send messages now, and for another day if that fails."""
    retried = [place for place in places if webhooks.retry(place)]
    echo(f"Sent again by the next worker: {_count(retried)}.")


def _count(places: list[Place]) -> str:
    return f"{len(places)} message{'' if len(places) == 1 else 's'}"
