"""The `aomi inspect` commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from app.commands.inspect.reports import Reports
from app.commands.inspect.tables import Shown

Command = Callable[..., Any]


def reporting(command: Command) -> Command:
    """A command with the two options of all reports, which prints what `command(reports, ...)` returns."""

    @click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
    @click.option("--full", is_flag=True, help="Session ids in full: whoever reads one can use the session.")
    @wraps(command)
    def run(as_json: bool, full: bool, **more: Any) -> None:
        if text := command(Reports(Shown(as_json, full)), **more):
            click.echo(text)

    return run


limited = click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many are shown."
)


@click.group(invoke_without_command=True)
@reporting
def inspect(reports: Reports) -> str:
    """See sessions, turns, queue and workers, out of the Redis of REDIS_URL. Nothing is changed."""
    subcommand = click.get_current_context().invoked_subcommand
    return "" if subcommand else reports.overview()


@inspect.command()
@limited
@reporting
def sessions(reports: Reports, limit: int) -> str:
    """List the sessions that were used last."""
    return reports.sessions(limit)


@inspect.command()
@click.argument("session_id", metavar="ID")
@reporting
def session(reports: Reports, session_id: str) -> str:
    """Show a session, named by its id or the beginning of it, and its turns."""
    return reports.session(session_id)


@inspect.command()
@limited
@click.option("--ended", is_flag=True, help="Also those that have ended and are still kept.")
@reporting
def turns(reports: Reports, limit: int, ended: bool) -> str:
    """List the turns that wait or run."""
    return reports.turns(limit, ended)


@inspect.command()
@click.argument("run")
@reporting
def turn(reports: Reports, run: str) -> str:
    """Show what happened in a turn, and how long it took. RUN is its id or the beginning of it."""
    return reports.turn(run)


@inspect.command()
@limited
@reporting
def queue(reports: Reports, limit: int) -> str:
    """List the jobs that run, wait, or failed."""
    return reports.jobs(limit)


@inspect.command()
@reporting
def workers(reports: Reports) -> str:
    """List the workers that live."""
    return reports.workers()
