"""`aomi check`: what is wrong with the settings, aomi.yaml, its tools and models, before anything starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import click


@click.command()
@click.option("--call", is_flag=True, help="Also call each usable model once, with a short message. This costs tokens.")
def check(call: bool) -> None:
    """Check the settings, aomi.yaml, its tools and models: one line for each thing that is wrong.

    Exit code 2: web or worker would refuse to start. 1: with --call, a model does not reply. Warnings exit with 0.
    Takes a few seconds, because it loads LiteLLM and the tools, as a worker does.
    """
    raise SystemExit(run(*(["--call"] if call else [])))


def run(*options: str, environment: Mapping[str, str] | None = None) -> int:
    """The exit code of a process that checks: tools are imported there, as in a worker, and not here."""
    command = [sys.executable, "-m", "workers.check", *options]
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own program
