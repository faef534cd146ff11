"""`aomi sessions`: list, export and delete sessions."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from app import services
from app.commands.durations import Duration
from app.commands.echo import echo
from app.commands.redis_store import open_store
from app.commands.session_selection import Selection, selected_ids
from app.errors import ConfigError
from app.state import redis_keys
from app.state.conversation.export import Export
from app.state.inspection import Inspection
from app.terminal_text import as_line, escaped_json
from app.turns.erasing import erase

LISTED_FIELDS = ("updated_at", "title")

Command = Callable[..., None]


@click.group()
def sessions() -> None:
    """List, export and delete the data of people in Redis."""


def _with_selection(command: Command) -> Command:
    """Add the options that select sessions by person: `command(selection, ...)`."""

    @click.option("--public-key", default="", help="All sessions of this public key.")
    @click.option("--client", default="", help="Everything of this client_id: its sessions, keys and secrets.")
    @click.option("--user", default="", help="All sessions of the user with this `sub`; see `aomi users erase`.")
    @wraps(command)
    def run(public_key: str, client: str, user: str, **more: Any) -> None:
        command(Selection(public_key=public_key, client=client, user=user), **more)

    return run


_session_ids = click.argument("session_ids", metavar="[SESSION]...", nargs=-1)
_older_than = click.option(
    "--older-than", type=Duration(), metavar="AGE", help="Only those not used for so long: 90d, 12h, 30m."
)


@sessions.command("list")
@_older_than
@_with_selection
def list_sessions(selection: Selection, older_than: int | None) -> None:
    """Show sessions: id, last use, title. Anyone who has an id can use the session."""
    inspection = Inspection(open_store())
    ids = selected_ids(inspection, replace(selection, older_than=older_than))
    listed = inspection.pick(map(redis_keys.session, ids), LISTED_FIELDS)
    for session_id, fields in sorted(zip(ids, listed, strict=True), key=lambda pair: pair[1]["updated_at"]):
        echo("  ".join(map(as_line, (session_id, *fields.values()))).rstrip())


@sessions.command()
@_session_ids
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="A file to write, instead of stdout.")
@_with_selection
def export(selection: Selection, session_ids: tuple[str, ...], output: Path | None) -> None:
    """Print everything that Redis has of the sessions, as JSON. Keys and secrets of clients are named, never shown."""
    store = open_store()
    exporter, selection = Export(store), replace(selection, sessions=session_ids)
    exported = map(exporter.session, _checked_ids(Inspection(store), selection))
    sessions = [session for session in exported if session]
    whole: dict[str, Any] = {"exported_at": store.clock.now_iso(), "sessions": sessions}
    if selection.client:
        whole["client"] = exporter.client(selection.client_digest)
    text = escaped_json(json.dumps(whole, indent=2, ensure_ascii=False))
    if output is None:
        echo(text)
    else:
        with open(output, "w", opener=_open_private) as file:
            file.write(text + "\n")


@sessions.command()
@_session_ids
@_older_than
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@_with_selection
def delete(selection: Selection, session_ids: tuple[str, ...], older_than: int | None, yes: bool) -> None:
    """Delete sessions with everything that belongs to them. Their running turns are stopped."""
    store = open_store()
    selection = replace(selection, sessions=session_ids, older_than=older_than)
    ids = _checked_ids(Inspection(store), selection)
    what = f"{len(ids)} session{'' if len(ids) == 1 else 's'}"
    if selection.whole_client:
        what += " and the client's keys and secrets"
    if not yes:
        click.confirm(f"Delete {what} for good?", abort=True, err=True)
    backend = services.build(store.settings, store.redis)
    for session_id in ids:
        erase(backend.sessions, backend.turns, backend.usage_recovery, backend.jobs, backend.files, session_id)
    if selection.whole_client:
        backend.vault.forget(selection.client_digest)
    echo(f"Deleted: {what}.")


def _checked_ids(inspection: Inspection, selection: Selection) -> list[str]:
    """Raises `ConfigError` when nothing is selected, or an id is unknown."""
    if selection.is_empty:
        raise ConfigError(
            "Say which sessions: ids, --public-key, --client or --user; `aomi sessions list` shows all sessions"
        )
    ids = selected_ids(inspection, selection)
    existing = {fields["id"] for fields in inspection.pick(map(redis_keys.session, ids), ["id"])}
    unknown = {session_id.lower() for session_id in selection.sessions} - existing
    if unknown and selection.older_than is None:
        raise ConfigError(f"There is no session {min(unknown)!r}; `aomi sessions list` shows all sessions")
    return ids


def _open_private(path: str, flags: int) -> int:
    """Open a file so that, if it is new, only its owner can read it."""
    return os.open(path, flags, 0o600)
