"""The one function by which commands print."""

from __future__ import annotations

import click

from app.terminal_text import clean


def echo(text: str, err: bool = False) -> None:
    """Print a text on stdout, or stderr, so that nothing in it controls the terminal."""
    click.echo(clean(text), err=err)
