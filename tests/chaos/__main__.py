"""`python -m tests.chaos --seed N --turns N`: chaos for as long as wanted; prints the table. Exit code 1 when a promise
was broken."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.chaos.run import Plan, chaos

parser = argparse.ArgumentParser(prog="make chaos")
parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
parser.add_argument("--turns", type=int, default=200)
parser.add_argument("--lease", type=float, default=10, help="AOMI_LEASE, seconds")
parser.add_argument("--people", type=int, default=24, help="who chat at once, a session each")
parser.add_argument("--failover", action="store_true", help="Sentinels and a replica, and planned failovers")
given = parser.parse_args()

folder = Path(tempfile.mkdtemp(prefix="aomi-chaos-"))
tell = partial(print, file=sys.stderr, flush=True)
report = chaos(folder, Plan(**vars(given)), tell)
print(report.table())
for wrong in report.broken:
    print(f"\nBROKEN with --seed {given.seed} (logs in {folder}): {wrong[:3000]}", file=sys.stderr)
sys.exit(bool(report.broken))
