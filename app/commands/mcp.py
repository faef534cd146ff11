"""`aomi mcp`: what an MCP server of aomi.yaml offers."""

from __future__ import annotations

import subprocess
import sys

import click

from app.commands.output import json_option


@click.command()
@click.argument("name")
@json_option
def mcp(name: str, as_json: bool) -> None:
    """Ask the MCP server NAME of aomi.yaml for its tools: the name that a model gets, and what it does.

    With --json also the schema of its arguments. Exit code 1: the server does not answer.
    """
    command = [sys.executable, "-m", "workers.check.mcp_tools", name, *(["--json"] if as_json else [])]
    raise SystemExit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own program
