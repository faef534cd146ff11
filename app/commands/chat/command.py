"""The `aomi chat` command."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from app.commands.chat import pipe
from app.commands.chat.backend import Backend, Refused, Unreachable
from app.commands.chat.conversation import Conversation
from app.commands.chat.screen import Screen
from app.terminal_text import clean


@click.command()
@click.option(
    "--url",
    default="http://127.0.0.1:8000",
    show_default=True,
    envvar="AOMI_URL",
    show_envvar=True,
    help="The address of the backend.",
)
@click.option("--app", help="The app to talk to; by default the session's app.")
@click.option(
    "--key",
    default="",
    envvar="AOMI_API_KEY",
    show_envvar=True,
    help="An API key, for other apps than the default.",
)
@click.option(
    "--token",
    default="",
    envvar="AOMI_TOKEN",
    show_envvar=True,
    help="Your token of the sign-in service, where sessions have owners.",
)
@click.option("--session", "session_id", metavar="ID", help="A session to continue.")
@click.option(
    "--no-color", "colourless", envvar="NO_COLOR", is_flag=False, flag_value="1", default="", help="No colours."
)
@click.option("--thoughts", is_flag=True, help="Show what the model thinks, not only for how long.")
@click.option(
    "--attach",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that goes with the first message. May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="For scripts: one message, and its events as JSON, one a line.")
def chat(
    app: str | None,
    colourless: str,
    thoughts: bool,
    files: Sequence[Path],
    as_json: bool,
    url: str,
    **session: str,
) -> None:
    """Talk with the assistant. In a pipe, or with --json, send the input as one message and print the answer."""
    backend = _backend(url, **session)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    if sys.stdin.isatty() and sys.stdout.isatty() and not as_json:
        created = _open(backend, url)
        conversation = Conversation(backend, Screen(colour=not colourless), app, with_thoughts=thoughts)
        conversation.attach(_uploaded(backend, files))
        _talk(conversation, resumed=not created)
    else:
        raise SystemExit(_pipe(backend, url, files, pipe.Way(app, as_json, thoughts)))


def _backend(url: str, key: str, token: str, session_id: str | None) -> Backend:
    for name, secret, content in (("key", key, "letters and digits"), ("token", token, "letters, digits and signs")):
        if not (secret.isascii() and secret.isprintable()):
            raise click.BadParameter(f"it has only {content}", param_hint=f"--{name}")
    return Backend(url, key.strip(), session_id or str(uuid.uuid4()), token.strip())


def _talk(conversation: Conversation, *, resumed: bool) -> None:
    try:
        conversation.run(resumed=resumed)
    except (Refused, Unreachable) as error:
        raise click.ClickException(clean(str(error))) from None


def _pipe(backend: Backend, url: str, files: Sequence[Path], way: pipe.Way) -> int:
    text = sys.stdin.buffer.read().decode(errors="replace").strip()
    if not text:
        raise click.UsageError("there is no message: write it to the pipe, as in `echo hi | aomi chat`")
    _open(backend, url)
    return pipe.run(backend, text, _uploaded(backend, files), way)


def _uploaded(backend: Backend, files: Sequence[Path]) -> list[dict[str, Any]]:
    """The files as they are stored in the session."""
    try:
        return [backend.upload(path) for path in files]
    except (Refused, Unreachable) as error:
        raise click.ClickException(clean(str(error))) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename!r} cannot be read: {error.strerror}") from None


def _open(backend: Backend, url: str) -> bool:
    """Create the session if needed. True if it was created."""
    try:
        return bool(backend.call("POST", "/api/sessions")["created"])
    except Refused as refusal:
        raise click.ClickException(clean(str(refusal))) from None
    except Unreachable as error:
        message = f"no backend answers at {url} ({error}); set its address with --url or AOMI_URL"
        raise click.ClickException(clean(message)) from None
