"""`aomi reload`: all web processes and workers take the present aomi.yaml, without a restart."""

from __future__ import annotations

import click

from app.commands.echo import echo
from app.commands.redis_store import open_store
from app.reloading import site
from app.state.reloads import Reloads

NOT_EVERYWHERE, REFUSED = 1, 2


@click.command()
@click.option(
    "--wait",
    default=site.WAIT_SECONDS,
    show_default=True,
    type=click.FloatRange(min=1, max=3600),
    help="Seconds for all processes to check the file, and again to take it.",
)
@click.option("--digest", default="", help="Wait for the file whose SHA-256 begins so, such as one on its way here.")
def reload(wait: float, digest: str) -> None:
    """Have all web processes and workers take the present aomi.yaml without a restart.

    Each of them reads its own copy and checks it as `aomi check` does. If one of them refuses it, has another copy or
    does not answer, nothing changes anywhere and the exit code is 2. Exit code 1: it was taken, but not by all yet.
    """
    store = open_store()
    path = store.settings.config
    outcome = site.reload(Reloads(store), path, wait, digest.lower())
    for line in outcome.problems:
        echo(line, err=True)
    if outcome.end == "unchanged":
        echo("Nothing has changed: all processes keep the configuration that they have.", err=True)
        raise SystemExit(REFUSED)
    taken = [one for one in outcome.processes if one.digest == outcome.digest]
    for one in taken:
        echo(f"{one.kind:<6}  {one.name}")
    echo(f"{path} {site.short(outcome.digest)} is in use: {len(taken)} of {len(outcome.processes)} processes.")
    if outcome.end == "late":
        raise SystemExit(NOT_EVERYWHERE)
