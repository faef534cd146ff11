"""The `aomi inspect` commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from app.commands.echo import echo
from app.commands.inspect.reports import Reports
from app.commands.output import Output, with_output

Command = Callable[..., Any]


def prints_report(command: Command) -> Command:
    """Add the options of all reports and print the text that `command(reports, ...)` returns."""

    @with_output
    @wraps(command)
    def run(as_json: bool, full: bool, **more: Any) -> None:
        if text := command(Reports(Output(as_json, full)), **more):
            echo(text)

    return run


limit_option = click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many to show."
)


@click.group(invoke_without_command=True)
@prints_report
def inspect(reports: Reports) -> str:
    """Show sessions, turns, queue and workers, read from the Redis of REDIS_URL. Nothing is changed."""
    subcommand = click.get_current_context().invoked_subcommand
    return "" if subcommand else reports.overview()


@inspect.command()
@limit_option
@prints_report
def sessions(reports: Reports, limit: int) -> str:
    """List the last used sessions."""
    return reports.sessions(limit)


@inspect.command()
@click.argument("session_id", metavar="ID")
@prints_report
def session(reports: Reports, session_id: str) -> str:
    """Show a session and its turns. ID may be the beginning of the id."""
    return reports.session(session_id)


@inspect.command()
@limit_option
@click.option("--ended", is_flag=True, help="Also ended turns that are still kept.")
@prints_report
def turns(reports: Reports, limit: int, ended: bool) -> str:
    """List the turns that wait or run."""
    return reports.turns(limit, ended)


@inspect.command()
@limit_option
@prints_report
def answers(reports: Reports, limit: int) -> str:
    """List the tool calls that wait for a person's answer."""
    return reports.answers(limit)


@inspect.command()
@limit_option
@prints_report
def webhooks(reports: Reports, limit: int) -> str:
    """List the messages to receivers that are due, or that were given up; `aomi webhooks` drops and retries them."""
    return reports.webhooks(limit)


@inspect.command()
@click.argument("run")
@prints_report
def turn(reports: Reports, run: str) -> str:
    """Show what happened in a turn and how long it took. RUN is its id or the beginning of its id."""
    return reports.turn(run)


@inspect.command()
@limit_option
@prints_report
def queue(reports: Reports, limit: int) -> str:
    """List the jobs that run, wait, or failed."""
    return reports.jobs(limit)


@inspect.command()
@prints_report
def workers(reports: Reports) -> str:
    """List the live workers."""
    return reports.workers()
