"""Which peers there are, where each is installed, and starting those that are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.peers import servers
from benchmarks.peers.probe import answers
from benchmarks.processes import ROOT, Processes
from benchmarks.systems import Served

ENVIRONMENTS = ROOT / ".venv-peers"
REQUIREMENTS = ROOT / "benchmarks/references"


@dataclass(frozen=True)
class Peer:
    """A peer. `package` is the one whose version counts, `python` the oldest Python that it takes."""

    name: str
    package: str
    start: servers.Start
    python: tuple[int, int] = (3, 11)

    @property
    def folder(self) -> Path:
        """Its environment."""
        return ENVIRONMENTS / self.name

    @property
    def requirements(self) -> Path:
        """Its pinned packages."""
        return REQUIREMENTS / f"{self.name}.txt"

    @property
    def installed(self) -> Path:
        """A copy of the requirements that its environment was made with; not there while it has none."""
        return self.folder / "installed.txt"


PEERS = (
    Peer("litellm", "litellm", servers.litellm_proxy),
    Peer("agno", "agno", servers.agno),
    Peer("langgraph", "langgraph-api", servers.langgraph),
    Peer("aegra", "aegra-api", servers.aegra, python=(3, 12)),
)


def start(
    processes: Processes, provider: tuple[int, int], models: list[str], say: Callable[[str], None]
) -> list[Served]:
    """Those that are installed, start and answer; `say` is told why another one is left out. `provider`: pid and port
    of the fake one."""
    found = []
    for peer in PEERS:
        if not peer.installed.exists():
            say(f"{peer.name} is left out: it is not installed (make bench-peers says why)")
            continue
        before = processes.count
        try:
            system = peer.start(servers.Place(processes, peer.folder, provider, models))
            answers(system, models[0])
        except (OSError, RuntimeError) as error:
            say(f"{peer.name} is left out: {last_line(str(error))}")
            processes.end_since(before)
            continue
        found.append(system)
    return found


def last_line(text: str) -> str:
    """The last line that says something: where a program that failed says why."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason was given")


def versions() -> dict[str, str]:
    """The version of each peer that is installed, by its package."""
    found = {}
    for peer in PEERS:
        sites = [str(path) for path in peer.folder.glob("lib/python*/site-packages")]
        for dist in metadata.distributions(name=peer.package, path=sites) if sites else ():
            found[peer.name] = dist.version
    return found
