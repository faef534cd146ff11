"""`aomi users`: erase a user with all that is theirs."""

from __future__ import annotations

import click

from app import services
from app.commands.echo import echo
from app.commands.redis_store import open_store
from app.commands.session_selection import Selection, selected_ids
from app.errors import ConfigError
from app.state.inspection import Inspection
from app.tokens.user import user_id
from app.turns.erasing import erase, erase_user


@click.group()
def users() -> None:
    """Erase users: the `sub` of whose tokens own sessions."""


@users.command("erase")
@click.argument("sub")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def erase_command(sub: str, yes: bool) -> None:
    """Delete a user's sessions with everything that belongs to them, keys, secrets, usage and name. Running turns are
    stopped. A token that is still valid begins afresh: block the user at the issuer first."""
    store = open_store()
    backend = services.build(store.settings, store.redis)
    user, ids = user_id(sub), selected_ids(Inspection(store), Selection(user=sub))
    if not ids and not backend.owners.name(user):
        raise ConfigError(f"Nothing is kept of a user {sub!r}; the name must be the `sub` of the tokens")
    what = f"{len(ids)} session{'' if len(ids) == 1 else 's'} and everything else of this user"
    if not yes:
        click.confirm(f"Delete {what} for good?", abort=True, err=True)
    for session_id in ids:
        erase(backend.sessions, backend.turns, backend.usage_recovery, backend.jobs, backend.files, session_id)
    erase_user(backend.owners, backend.vault, backend.ledger, user)
    echo(f"Deleted: {what}.")
