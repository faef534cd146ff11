"""`python -m tests.chaos --seed N --turns N`: chaos for as long as wanted; prints the table. Exit code 1 when a promise
was broken."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import chaos

parser = argparse.ArgumentParser(prog="make chaos")
parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
parser.add_argument("--turns", type=int, default=200)
parser.add_argument("--lease", type=float, default=10, help="AOMI_LEASE, seconds")
given = parser.parse_args()

folder = Path(tempfile.mkdtemp(prefix="aomi-chaos-"))
report = chaos(folder, given.seed, given.turns, given.lease, lambda line: print(line, file=sys.stderr, flush=True))
print(report.table())
for wrong in report.broken:
    print(f"\nBROKEN with --seed {given.seed} (logs in {folder}): {wrong[:3000]}", file=sys.stderr)
sys.exit(bool(report.broken))
