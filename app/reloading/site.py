"""A reload of the whole site: all web processes and workers check the file, then all take it, or none does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app import catalog
from app.state.reloads import ProcessReport, Reloads

WAIT_SECONDS = 30.0
"""How long the processes may take to check the file, and then to take it."""

POLL_SECONDS = 0.1

UNDER_WAY = "another reload is being checked; try again when it has ended"
NO_PROCESS = "no web process and no worker of this version reports on this Redis"


@dataclass(frozen=True)
class Outcome:
    """How a reload ended. `unchanged`: no process has taken the file; `problems` say why. `taken`: by all `processes`.
    `late`: not yet by the processes that `problems` name, which take it as soon as they can."""

    end: Literal["unchanged", "taken", "late"]
    digest: str
    processes: Sequence[ProcessReport] = ()
    problems: Sequence[str] = ()


def reload(reloads: Reloads, path: Path, wait: float = WAIT_SECONDS, wanted: str = "") -> Outcome:
    """Have the site take the file as it is now, or as soon as its digest begins with `wanted`. Raises `ConfigError`
    when it is invalid in any environment, and `Unavailable`; nothing has changed then."""
    reload_id, deadline = uuid.uuid4().hex, time.monotonic() + wait
    if not _until(lambda: catalog.digest_of(path).startswith(wanted), deadline):
        digest = catalog.digest_of(path)
        return Outcome("unchanged", digest, problems=[f"{path} has the digest {short(digest)}, not {wanted}"])
    digest = catalog.digest_of(path)
    catalog.check(path)
    names = {one.name for one in reloads.living()}
    if not _until(lambda: reloads.begin(reload_id, digest, wait), deadline):
        return Outcome("unchanged", digest, problems=[UNDER_WAY])
    try:
        problems = _check(reloads, names, reload_id, deadline)
        if problems or not reloads.take(reload_id, digest, wait):
            return Outcome("unchanged", digest, problems=problems or [UNDER_WAY])
    finally:
        reloads.drop(reload_id)  # unless it was taken
    try:
        return _await_taken(reloads, names, reload_id, digest, time.monotonic() + wait)
    finally:
        reloads.done(reload_id)


def short(digest: str) -> str:
    """A digest as people compare it."""
    return digest[:12]


def _check(reloads: Reloads, names: Collection[str], reload_id: str, deadline: float) -> list[str]:
    """Wait for the answers of all processes, also of those with these `names`. Returns why the file cannot be taken."""
    if not reloads.living(names):
        return [NO_PROCESS]
    _until(lambda: all(_answer(one, reload_id) in ("checked", "refused") for one in reloads.living(names)), deadline)
    reports = reloads.living(names)
    refusals: dict[str, list[str]] = {}
    for one in reports:
        for line in one.problems if _answer(one, reload_id) == "refused" else ():
            refusals.setdefault(line, []).append(_named(one))
    refused = [f"{line} (says {', '.join(by)})" for line, by in refusals.items()]
    return refused + [_missing(one, reload_id) for one in reports if _answer(one, reload_id) in ("", "differs")]


def _await_taken(reloads: Reloads, names: Collection[str], reload_id: str, digest: str, deadline: float) -> Outcome:
    def late() -> list[ProcessReport]:
        return [one for one in reloads.living(names) if _answer(one, reload_id) != "taken"]

    _until(lambda: not late(), deadline)
    missing = [_missing(one, reload_id) for one in late()]
    return Outcome("late" if missing else "taken", digest, reloads.living(), missing)


def _answer(report: ProcessReport, reload_id: str) -> str:
    return report.answer if report.reload == reload_id else ""


def _missing(report: ProcessReport, reload_id: str) -> str:
    """Why a process has not checked or taken the file."""
    answer = _answer(report, reload_id)
    if answer == "differs":
        return f"{_named(report)} reads another file: its AOMI_CONFIG has the digest {short(report.seen)}"
    if answer == "refused":
        return f"{_named(report)} refuses it: {'; '.join(report.problems)}"
    return f"{_named(report)} has not answered"


def _named(report: ProcessReport) -> str:
    return f"{report.kind} {report.name}"


def _until(holds: Callable[[], bool], deadline: float) -> bool:
    """Wait until it holds; False if it does not before the deadline."""
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return held
