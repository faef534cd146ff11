"""What the MCP servers of aomi.yaml offer: for `aomi check`, and, as `python -m workers.check.mcp_tools`, for `aomi
mcp`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from app import catalog, config
from app.catalog import App, Catalog, McpServer
from app.config import Settings
from app.terminal_text import as_line, escaped_json
from workers.mcp.servers import McpServers, Offer
from workers.tools import ToolContext

PATIENCE = 15.0
"""Seconds that a server may take to start and to list its tools."""

DESCRIPTION_CHARACTERS = 100


def warnings(settings: Settings, found: Catalog) -> Iterator[str]:
    """A line for each server that does not answer, each tool that it lacks, and each that no model can be given. A
    server whose headers hold a client's secret, or a variable that is not set, is not asked."""
    wanted: dict[str, list[str]] = {}
    for app in found.apps:
        for server, tool in app.mcp_tools:
            wanted.setdefault(server, []).append(tool)
    servers = {name: found.mcp_servers[name] for name in wanted}
    with _running(servers, settings) as running:
        for name in filter(running.can_be_asked, wanted):
            place, offer = found.place("mcp_server", name), _offer(running, name)
            yield from (f"{place}: {line}" for line in (*offer.notices, *offer.left_out))
            there = {tool.tool for tool in offer.tools.values()}
            for tool in () if offer.notices or offer.left_out else wanted[name]:
                if tool != "*" and tool not in there:
                    yield f"{place}: the MCP server {name!r} has no tool {tool!r}; it has: {', '.join(sorted(there))}"


@contextmanager
def _running(servers: dict[str, McpServer], settings: Settings) -> Iterator[McpServers]:
    running = McpServers(servers, settings, patience=PATIENCE)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def _offer(running: McpServers, name: str) -> Offer:
    return running.offer(App(id="check", model="none", tools=(f"mcp:{name}/*",)), (), "", ToolContext())


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
def main(name: str, as_json: bool) -> None:
    """Print the tools of a server."""
    settings, _ = config.read()
    servers = catalog.load(settings.config).mcp_servers
    if name not in servers:
        click.echo(f"aomi: there is no MCP server {name!r}; aomi.yaml has {', '.join(servers) or 'none'}", err=True)
        sys.exit(2)
    with _running({name: servers[name]}, settings) as running:
        offer = _offer(running, name)
    if as_json:
        tools = [tool.schema["function"] for tool in offer.tools.values()]
        click.echo(escaped_json(json.dumps({"tools": tools, "left_out": offer.left_out, "notices": offer.notices})))
    else:
        _print(offer)
    sys.exit(1 if offer.notices else 0)


def _print(offer: Offer) -> None:
    lines: Sequence[tuple[str, str]] = [
        (name, tool.schema["function"]["description"]) for name, tool in sorted(offer.tools.items())
    ]
    width = max((len(name) for name, _ in lines), default=0)
    for name, description in lines:
        click.echo(f"{name.ljust(width)}  {as_line(description)[:DESCRIPTION_CHARACTERS]}")
    for line in (*offer.left_out, *offer.notices):
        click.echo(f"warning: {as_line(line)}", err=True)


if __name__ == "__main__":
    main()
