"""Erasing a session: its turns end, their usage is counted, its keys and its jobs are removed. Erasing a thread, and
what is left of a user."""

from __future__ import annotations

from app.state.accounts.ledger import Ledger
from app.state.accounts.owners import Owners
from app.state.accounts.vault import Vault
from app.state.sessions import Sessions
from app.state.uploads.files import Files
from app.turns.queue import Jobs
from app.turns.service import TurnService
from app.turns.usage_recovery import UsageRecovery


def erase(
    sessions: Sessions, turns: TurnService, usage: UsageRecovery, jobs: Jobs, files: Files, session_id: str
) -> None:
    """Erase a session. Workers that still work for it are told to stop, and what they write later is refused."""
    turns.interrupt_all(session_id)
    usage.close_all(session_id)
    remove_files = files.deleting_all(session_id)
    jobs.forget(session_id, sessions.delete(session_id))
    remove_files()


def erase_user(owners: Owners, vault: Vault, ledger: Ledger, user_id: str) -> None:
    """Erase what is a user's beside the sessions, which were erased before."""
    vault.forget(user_id)
    ledger.forget_user(user_id)
    owners.forget(user_id)


def erase_thread(sessions: Sessions, turns: TurnService, jobs: Jobs, session_id: str, thread_id: str) -> None:
    """Erase a thread. A turn that was accepted in between ends after the deletion; from then on none is accepted."""
    turns.interrupt_thread(session_id, thread_id)
    sessions.delete_thread(session_id, thread_id)
    turns.interrupt_thread(session_id, thread_id)
    jobs.forget_title(thread_id)
