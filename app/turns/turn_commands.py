"""The commands that RQ takes for a turn's job, as scripts run them. RQ writes them once, for no turn; for each turn the
ids and times in them are replaced. RQ took a tenth of the time that a message's request takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

from rq.utils import now, utcformat

from app import exact_json
from app.state.scripts import Commands, commands_of
from app.turns.rq_queue import turn_job_id

_SESSION, _RUN, _TIME = "00000000-0000-4000-8000-000000000000", "run_of_nobody", "time-of-nothing"
_JOB = turn_job_id(_SESSION, _RUN)

_TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")


class TurnCommands:
    """Those that `write(session, run)` puts into the pipeline that it returns. (Ids need no escapes in JSON.)"""

    def __init__(self, write: Callable[[str, str], Any]) -> None:
        self._write = write

    def commands(self, session_id: str, run_id: str) -> Commands:
        """For a turn, now."""
        text = self._template.replace(_JOB, turn_job_id(session_id, run_id)).replace(_TIME, utcformat(now()))
        return cast(Commands, exact_json.loads(text.replace(_RUN, run_id).replace(_SESSION, session_id)))

    @cached_property
    def _template(self) -> str:
        commands = commands_of(self._write(_SESSION, _RUN))  # RQ asks for the version of Redis, the first time
        return _TIMES.sub(_TIME, exact_json.dumps(commands))
