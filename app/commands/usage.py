"""`aomi usage`: tokens and costs of turns, read from Redis, as a table or as JSON."""

from __future__ import annotations

from typing import Any

import click

from app.commands.echo import echo
from app.commands.output import Output, text_table, with_output
from app.commands.redis_store import open_store
from app.errors import ConfigError
from app.state.accounts.api_keys import ApiKeys
from app.state.accounts.ledger import Ledger
from app.state.accounts.owners import Owners
from app.state.inspection import Inspection
from app.state.scripts import Store
from app.terminal_text import one_line
from app.usage import Totals, dollars
from app.usage.report import Days, InvalidDays, Row, between, grouped, month, total

GROUPS = ("key", "user", "app", "model", "session", "day")
HEADINGS = ("turns", "calls", "input", "cached", "output", "US$", "estimated", "unpriced", "own key")

NAME_CHARACTERS = 60


@click.command()
@click.option("--by", type=click.Choice(GROUPS), default="key", show_default=True, help="The grouping of the lines.")
@click.option("--month", "of_month", metavar="YYYY-MM", default="", help="A month; by default this month.")
@click.option("--from", "first", metavar="YYYY-MM-DD", default="", help="The first day, in UTC.")
@click.option("--to", "last", metavar="YYYY-MM-DD", default="", help="The last day.")
@with_output
def usage(by: str, of_month: str, first: str, last: str, as_json: bool, full: bool) -> None:
    """Show what turns have used and cost: tokens, and US$ by the prices of LiteLLM or aomi.yaml."""
    if of_month and (first or last):
        raise ConfigError("Give --month, or --from and --to")
    store, output = open_store(), Output(as_json, full)
    today = store.clock.today()
    try:
        days = between(today, first, last) if first or last else month(today, of_month)
    except InvalidDays as error:
        raise ConfigError(str(error)) from None
    rows = _rows(store, by, days)
    labels = _labels(store, by, rows)
    echo(output.json(_facts(by, days, rows, labels)) if as_json else _table(output, by, days, rows, labels))


def _rows(store: Store, by: str, days: Days) -> list[Row]:
    """Usage on these days. Sessions are read one by one; those that are no longer kept are missing."""
    ledger = Ledger(store)
    if by == "user":
        return ledger.of_users(days)
    if by != "session":
        return ledger.of_all(days)
    of_sessions = (ledger.of_session(session_id) for session_id in Inspection(store).session_ids())
    return [row for rows in of_sessions for row in rows if row.day in days]


def _labels(store: Store, by: str, rows: list[Row]) -> dict[str, str]:
    """The labels of the keys, or the names of the users, by id."""
    if by == "user":
        owners = Owners(store)
        return {user: owners.name(user) for user in {row.user for row in rows}}
    return {key.id: key.label for key in ApiKeys(store).all()} if by == "key" else {}


def _facts(by: str, days: Days, rows: list[Row], labels: dict[str, str]) -> dict[str, Any]:
    def named(name: str) -> str:
        return labels.get(name) or name if by == "user" else name

    lines = [{by: named(name)} | totals.shown() for name, totals in grouped(rows, by).items()]
    return {"from": str(days.first), "to": str(days.last), "total": total(rows).shown(), f"by_{by}": lines}


def _table(output: Output, by: str, days: Days, rows: list[Row], labels: dict[str, str]) -> str:
    """One line per group, the most expensive first, or by day."""
    if not rows:
        return f"Nothing was used from {days.first} to {days.last}."
    groups = list(grouped(rows, by).items())
    if by != "day":
        groups.sort(key=lambda group: -group[1].cost)
    lines = [[by, *HEADINGS]]
    for name, totals in groups:
        shown = output.session_id(name) if by == "session" else _shown_name(by, name, labels.get(name, ""))
        lines.append([one_line(shown, NAME_CHARACTERS), *_cells(totals)])
    lines.append(["total", *_cells(total(rows))])
    return text_table(lines, left_columns=1)


def _shown_name(by: str, name: str, label: str) -> str:
    return label or name if by == "user" else f"{name} {label}".rstrip()


def _cells(totals: Totals) -> list[str]:
    counts = (totals.turns, totals.calls, totals.input, totals.cached, totals.output)
    rare = (totals.estimated, totals.unpriced, totals.own_key)
    money = f"{dollars(totals.cost):,.6f}"
    return [f"{count:,}" for count in counts] + [money] + [f"{count:,}" if count else "" for count in rare]
