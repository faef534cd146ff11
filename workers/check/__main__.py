"""`python -m workers.check`: prints a line for each thing that is wrong, and exits with 2 if web or worker would refuse
to start, with 1 if a model was called and did not reply."""

from __future__ import annotations

import sys

import click

from app.telemetry import logs
from workers.check import findings

REFUSED, NO_REPLY = 2, 1


@click.command()
@click.option("--call", is_flag=True)
@click.option("--quick", is_flag=True)
def main(call: bool, quick: bool) -> None:
    """`call` also calls each model once. `quick` looks at no model, and prints nothing but what is refused."""
    found, settings, catalog = findings.find(with_models=not quick)
    for line in found.refused:
        click.echo(line)
    for line in () if quick else found.warnings:
        click.echo(f"warning: {line}")
    if not (quick or found.has_read_file):
        click.echo("Tools and models' providers are checked once aomi.yaml is right.")
    if found.refused:
        sys.exit(REFUSED)
    assert settings
    assert catalog
    if call:
        from workers.check import trial_calls

        logs.setup(settings)
        failures = list(trial_calls.failures(catalog, settings))
        for line in failures:
            click.echo(line)
        if failures:
            sys.exit(NO_REPLY)
    if not quick:
        click.echo(_all_right(len(catalog.models), len(catalog.apps), call))


def _all_right(models: int, apps: int, called: bool) -> str:
    replies = ", and each model replies" if called else ""
    return f"Nothing is refused; usable models: {models}, apps: {apps}{replies}."


if __name__ == "__main__":
    main()
