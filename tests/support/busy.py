"""Loops that keep the machine busy beside the tests: `pytest --busy 4`, which is `make test BUSY=4`."""

from __future__ import annotations

import os
import subprocess
import sys

LOOP = """
import os
parent = os.getppid()
while os.getppid() == parent:  # else pytest is gone, in whatever way
    for _ in range(200_000):
        pass
"""


def keep_busy(loops: int) -> None:
    """Start so many loops, which end with this process; deadlines become as long as they make everything else."""
    for _ in range(loops):
        subprocess.Popen([sys.executable, "-c", LOOP], stdin=subprocess.DEVNULL, process_group=0)
    os.environ.setdefault("AOMI_TEST_PATIENCE", f"{1 + loops / (os.cpu_count() or 1):.1f}")
