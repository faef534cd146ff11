"""`python -m benchmarks`: run scenarios, print what was found, write it to benchmarks/results/."""

from __future__ import annotations

import argparse
import asyncio
import resource
import signal
import sys
from pathlib import Path

from benchmarks import report, results
from benchmarks.bench import Bench
from benchmarks.peers import table
from benchmarks.processes import Processes
from benchmarks.scenarios import SCENARIOS
from benchmarks.sizes import TINY, Sizes

RESULTS = Path(__file__).parent / "results"


async def run(names: list[str], sizes: Sizes, given: argparse.Namespace) -> None:
    """Run the scenarios one after another and write their figures."""
    with Processes() as processes:
        bench = Bench(processes, sizes, given.rounds, given.peers)
        for name in names:
            await SCENARIOS[name](bench)
        written = results.write(bench, given.results)
    with_table = given.peers and table.SCENARIOS.intersection(names)
    print(results.beside_peers(written[0]) if with_table else report.table(bench.found))
    print(f"\nWritten: {', '.join(str(path) for path in written)}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help=f"scenarios, comma-separated: {', '.join(SCENARIOS)}")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each scenario")
    parser.add_argument("--tiny", action="store_true", help="so little that the figures mean nothing: for a test")
    parser.add_argument("--peers", action="store_true", help="also those of .venv-peers (make bench-peers)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write")
    parser.add_argument(
        "--draw", type=Path, metavar="FILE", help="only draw the table of a run beside peers, from its JSON"
    )
    given = parser.parse_args()
    if given.draw:
        print(results.beside_peers(given.draw))
        return
    names = [name for name in given.only.split(",") if name] or list(SCENARIOS)
    if unknown := set(names) - set(SCENARIOS):
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes are ended then, too
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket for each client; servers inherit it
    asyncio.run(run(names, TINY if given.tiny else Sizes(), given))


if __name__ == "__main__":
    main()
