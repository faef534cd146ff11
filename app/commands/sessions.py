"""The `aomi sessions` commands: see what is kept of whom, give it out, remove it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from app import config, services
from app.commands.session_selection import Choice, chosen
from app.errors import ConfigError
from app.state import redis_keys
from app.state.clock import now_iso
from app.state.connection import clients
from app.state.export import Export
from app.state.inspection import Inspection
from app.state.scripts import Store
from app.turns.erasing import erase

SHOWN = ("updated_at", "title")

Command = Callable[..., None]


@click.group()
def sessions() -> None:
    """List, export and delete what Redis keeps of people."""


def _somebodys(command: Command) -> Command:
    """A command with the options that say whose sessions it is about: `command(choice, ...)`."""

    @click.option("--public-key", default="", help="All sessions that stand under this public key.")
    @click.option("--client", default="", help="All of this client_id: its sessions, keys and secrets.")
    @wraps(command)
    def run(public_key: str, client: str, **more: Any) -> None:
        command(Choice(public_key=public_key, client=client), **more)

    return run


_named = click.argument("session_ids", metavar="[SESSION]...", nargs=-1)
_aged = click.option("--older-than", default="", metavar="AGE", help="Only those not used for so long: 90d, 12h, 30m.")


@sessions.command("list")
@_aged
@_somebodys
def list_sessions(choice: Choice, older_than: str) -> None:
    """Show sessions: id, last use, title. Whoever reads an id can use the session."""
    inspection = Inspection(_store())
    ids = chosen(inspection, replace(choice, older_than=older_than))
    found = inspection.pick(map(redis_keys.session, ids), SHOWN)
    for session_id, fields in sorted(zip(ids, found, strict=True), key=lambda pair: pair[1]["updated_at"]):
        click.echo("  ".join([session_id, *fields.values()]).rstrip())


@sessions.command()
@_named
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Where it goes; by default to stdout.")
@_somebodys
def export(choice: Choice, session_ids: tuple[str, ...], output: Path | None) -> None:
    """Print all that Redis holds of the sessions, as JSON. Keys and secrets of clients are named, never shown."""
    store = _store()
    exporting = Export(store)
    found = map(exporting.session, _found(Inspection(store), replace(choice, sessions=session_ids)))
    whole: dict[str, Any] = {"exported_at": now_iso(), "sessions": [session for session in found if session]}
    if choice.client:
        whole["client"] = exporting.client(choice.client_digest)
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    if output is None:
        click.echo(text)
    else:
        with open(output, "w", opener=_private) as file:
            file.write(text + "\n")


@sessions.command()
@_named
@_aged
@click.option("--yes", is_flag=True, help="Do not ask.")
@_somebodys
def delete(choice: Choice, session_ids: tuple[str, ...], older_than: str, yes: bool) -> None:
    """Remove sessions for good, with all that belongs to them. What they are doing at this moment ends."""
    store = _store()
    choice = replace(choice, sessions=session_ids, older_than=older_than)
    ids = _found(Inspection(store), choice)
    what = f"{len(ids)} session{'' if len(ids) == 1 else 's'}"
    if choice.whole_client:
        what += " and the client's keys and secrets"
    if not yes:
        click.confirm(f"Delete {what} for good?", abort=True, err=True)
    parts = services.build(config.load(), store.redis)
    for session_id in ids:
        erase(parts.sessions, parts.turns, parts.usage_recovery, parts.jobs, session_id)
    if choice.whole_client:
        parts.vault.forget(choice.client_digest)
    click.echo(f"Deleted: {what}.")


def _found(inspection: Inspection, choice: Choice) -> list[str]:
    if not choice.given:
        raise ConfigError("Say which sessions: ids, --public-key or --client; `aomi sessions list` shows them all")
    ids = chosen(inspection, choice)
    there = {fields["id"] for fields in inspection.pick(map(redis_keys.session, ids), ["id"])}
    unknown = {given.lower() for given in choice.sessions} - there
    if unknown and not choice.older_than:
        raise ConfigError(f"There is no session {min(unknown)!r}; `aomi sessions list` shows those that there are")
    return ids


def _private(path: str, flags: int) -> int:
    """Opens a file that, where it is new, is for its owner alone from its first byte on."""
    return os.open(path, flags, 0o600)


def _store() -> Store:
    settings = config.load()
    return Store(clients.commands(settings, timeout=5), settings)
