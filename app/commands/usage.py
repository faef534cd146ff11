"""`aomi usage`: what was used and what it cost, out of Redis, as a table or as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import click

from app import config
from app.commands.chat.clean import one_line
from app.errors import BadRequest, ConfigError
from app.state.api_keys import ApiKeys
from app.state.connection import clients
from app.state.inspection import Inspection
from app.state.ledger import Ledger
from app.state.scripts import Store
from app.telemetry.logs import short_session_id
from app.usage import Totals, dollars
from app.usage.report import Days, Row, between, grouped, month, total

GROUPS = ("key", "app", "model", "session", "day")
HEADINGS = ("turns", "calls", "input", "cached", "output", "US$", "estimated", "unpriced", "own key")

NAME = 60
"""Characters of a name."""


@click.command()
@click.option("--by", type=click.Choice(GROUPS), default="key", show_default=True, help="What each line is about.")
@click.option("--month", "of_month", metavar="YYYY-MM", default="", help="A month; this one if no days are given.")
@click.option("--from", "first", metavar="YYYY-MM-DD", default="", help="The first day, in UTC.")
@click.option("--to", "last", metavar="YYYY-MM-DD", default="", help="The last day.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
@click.option("--full", is_flag=True, help="Session ids in full: whoever reads one can use the session.")
def usage(by: str, of_month: str, first: str, last: str, as_json: bool, full: bool) -> None:
    """Show what turns have used and cost: tokens, and US$ by LiteLLM's prices or those of aomi.yaml."""
    if of_month and (first or last):
        raise ConfigError("Give --month, or --from and --to")
    try:
        days = between(first, last) if first or last else month(of_month)
    except BadRequest as error:
        raise ConfigError(str(error)) from None
    settings = config.load()
    store = Store(clients.commands(settings, timeout=5), settings)
    rows = _rows(store, by, days)
    if by == "session" and not full:
        rows = [replace(row, session=short_session_id(row.session)) for row in rows]
    click.echo(_json(by, days, rows) if as_json else _table(by, days, rows, _labels(store, by)))


def _rows(store: Store, by: str, days: Days) -> list[Row]:
    """What was used on these days. Sessions are asked one by one, and only those that are still kept."""
    ledger = Ledger(store)
    if by != "session":
        return ledger.of_all(days)
    found = (ledger.of_session(session_id) for session_id in Inspection(store).session_ids())
    return [row for rows in found for row in rows if row.day in days]


def _labels(store: Store, by: str) -> dict[str, str]:
    """What people call the keys, by id."""
    return {key.id: key.label for key in ApiKeys(store).all()} if by == "key" else {}


def _json(by: str, days: Days, rows: list[Row]) -> str:
    lines = [{by: name} | totals.shown() for name, totals in grouped(rows, by).items()]
    about: dict[str, Any] = {"from": str(days.first), "to": str(days.last), "total": total(rows).shown()}
    return json.dumps(about | {f"by_{by}": lines}, indent=2)


def _table(by: str, days: Days, rows: list[Row], labels: dict[str, str]) -> str:
    """One line a group, what cost most first; columns in which nothing stands are left out."""
    if not rows:
        return f"Nothing was used from {days.first} to {days.last}."
    groups = list(grouped(rows, by).items())
    if by != "day":
        groups.sort(key=lambda group: -group[1].cost)
    lines = [[by, *HEADINGS]]
    lines += [[one_line(f"{name} {labels.get(name, '')}".rstrip(), NAME), *_cells(totals)] for name, totals in groups]
    lines.append(["total", *_cells(total(rows))])
    columns = [column for column in zip(*lines, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(map(partial(_line, widths), zip(*columns, strict=True)))


def _line(widths: list[int], cells: tuple[str, ...]) -> str:
    name, *numbers = cells
    return "  ".join([name.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])]).rstrip()


def _cells(totals: Totals) -> list[str]:
    counts = (totals.turns, totals.calls, totals.input, totals.cached, totals.output)
    rare = (totals.estimated, totals.unpriced, totals.own_key)
    money = f"{dollars(totals.cost):,.6f}"
    return [f"{count:,}" for count in counts] + [money] + [f"{count:,}" if count else "" for count in rare]
