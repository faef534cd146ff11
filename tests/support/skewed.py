"""Python processes whose wall clock differs from the machine's. (libfaketime breaks Python's waits: they hang, or fail,
by whether it fakes the monotonic clock.)"""

from __future__ import annotations

import datetime
import runpy
import sys
import time
from collections.abc import Sequence
from typing import Any


def skewed(command: Sequence[str], seconds: float) -> list[str]:
    """The command `python -m module ...` with a wall clock that is off by so many seconds."""
    python, _, module, *arguments = command
    return [python, "-m", "tests.support.skewed", str(seconds), module, *arguments]


def shift_clock(seconds: float) -> None:
    """Shift `time.time` and `datetime.now` of this process. Call it before other modules import them."""
    real, skew = datetime.datetime, datetime.timedelta(seconds=seconds)

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:  # times that C code makes, too
            return isinstance(instance, real)

    class Skewed(real, metaclass=Kind):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return real.now(tz) + skew

        @classmethod
        def utcnow(cls) -> Any:
            return real.now(datetime.UTC).replace(tzinfo=None) + skew

    read_time = time.time
    vars(datetime)["datetime"] = Skewed
    vars(time)["time"] = lambda: read_time() + seconds


if __name__ == "__main__":
    _, offset, name, *rest = sys.argv
    shift_clock(float(offset))
    sys.argv = [name, *rest]
    runpy.run_module(name, run_name="__main__", alter_sys=True)
