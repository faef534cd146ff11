"""The part of a process in reloads: it checks the file when it is asked to, keeps what it has prepared, and takes it
with all others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app import catalog
from app.background import BackgroundLoop, Backoff
from app.catalog import Catalog
from app.errors import ConfigError
from app.reloading import site
from app.state.connection.clients import Unavailable
from app.state.reloads import Answer, LastReload, ProcessReport, Reloads

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
REPORT_SECONDS = 5.0

Take = Callable[[], object]
Prepare = Callable[[Catalog], Take]
"""Makes all that a catalog needs, and returns the function by which the process takes it, which cannot fail. Raises
`ConfigError`."""


def no_tools() -> Sequence[str]:
    """Of a process that runs none."""
    return ()


@dataclass(frozen=True)
class _Prepared:
    digest: str
    take: Take


class ReloadWatcher:
    """One thread a process. `me` is the process and the digest of the file that it was started with; `tools` are those
    that it reports."""

    def __init__(
        self,
        reloads: Reloads,
        me: ProcessReport,
        path: Path,
        prepare: Prepare,
        tools: Callable[[], Sequence[str]] = no_tools,
    ) -> None:
        self._reloads = reloads
        self._me = me
        self._path = path
        self._prepare = prepare
        self._tools = tools
        self._prepared: _Prepared | None = None
        self._seen: LastReload | None = None
        self._report_at = 0.0
        self._loop = BackgroundLoop(
            self.look, Backoff("reload watcher", Unavailable), POLL_SECONDS, lambda: reloads.forget(me.name)
        )

    def start(self) -> None:
        """Begin to look for reloads. The first look is at once."""
        self._loop.start(first_pause=0)

    def stop(self) -> None:
        """Take no more reloads, and no longer count as a process of the site."""
        self._loop.stop(timeout=1)

    def reload_site(self) -> None:
        """Have the whole site take the file of this process, in a thread of its own. The log says how it ended."""
        threading.Thread(target=self._reload_site, name="reload", daemon=True).start()

    def look(self) -> None:
        """Do what the last reload asks for, and report. Raises `Unavailable`."""
        last, before = self._reloads.last(), self._me
        if self._seen is None:
            self._seen = LastReload(taken="" if self._has_missed(last) else last.taken)
        if last.phase == "check" and last.id != self._seen.id:
            self._check(last)
        elif last.taken != self._seen.taken:
            self._take(last)
        self._me = replace(self._me, tools=self._tools())
        if self._me != before or time.monotonic() >= self._report_at:
            self._reloads.report(self._me)
            self._report_at = time.monotonic() + REPORT_SECONDS

    def _has_missed(self, last: LastReload) -> bool:
        """Whether this process, which has just begun, is to take what the site took last: its file has changed since it
        read it, or its copy is older than that of the others, as in a pod with a ConfigMap that is on its way."""
        if _digest(self._path) != self._me.digest:
            return True
        if not last.taken or last.taken_digest == self._me.digest:
            return False
        heard = self._reloads.heard()
        others = [one for one in heard if one.digest == last.taken_digest or one.reload == last.taken]
        if not others:
            return False  # after an edit and a restart of all, the reload of before is past
        log.warning(
            "aomi.yaml here is %s, and the last reload took %s, which %d processes have: this process goes on with its "
            "own, and takes the other one as soon as its file is that",
            site.short(self._me.digest),
            site.short(last.taken_digest),
            len(others),
        )
        return True

    def _check(self, last: LastReload) -> None:
        """Answer a reload that is being checked. While the file differs, the next look looks again."""
        assert self._seen
        self._prepared = None
        answer, problems = self._prepare_file(last.digest)
        self._say(last.id, answer or "checked", problems)
        if answer != "differs":
            self._seen = replace(self._seen, id=last.id)

    def _take(self, last: LastReload) -> None:
        """Take what the site has taken. A process that was away when it was checked does so now."""
        assert self._seen
        answer: Answer = ""
        problems: list[str] = []
        if self._prepared is None or self._prepared.digest != last.taken_digest:
            answer, problems = self._prepare_file(last.taken_digest)
        if answer != "differs":
            self._seen = replace(self._seen, id=last.taken, taken=last.taken)
        for line in problems:
            log.error("aomi.yaml is not taken: %s", line)
        if self._prepared and not answer:
            self._prepared.take()
            log.info("aomi.yaml %s is taken", site.short(last.taken_digest))
            self._me = replace(self._me, digest=last.taken_digest)
            self._prepared = None
        self._say(last.taken, answer or "taken", problems)

    def _prepare_file(self, digest: str) -> tuple[Answer, list[str]]:
        """'' once what the file with this digest needs is prepared; else why it is not."""
        if digest == self._me.digest:
            self._prepared = _Prepared(digest, lambda: None)
            return "", []
        if _digest(self._path) != digest:
            return "differs", []
        try:
            loaded = catalog.load(self._path)
            if loaded.digest != digest:  # written just now
                return "differs", []
            self._prepared = _Prepared(digest, self._prepare(loaded))
        except ConfigError as error:
            return "refused", str(error).splitlines()
        except Exception as error:  # else a file that our checks do not foresee would end all workers at once
            log.exception("aomi.yaml cannot be checked")
            return "refused", [
                f"{self._path}: cannot be checked ({type(error).__name__}); the log of the process says why"
            ]
        return "", []

    def _say(self, reload_id: str, answer: Answer, problems: list[str]) -> None:
        seen = _digest(self._path) if answer == "differs" else ""
        self._me = replace(self._me, reload=reload_id, answer=answer, problems=problems, seen=seen)

    def _reload_site(self) -> None:
        try:
            outcome = site.reload(self._reloads, self._path)
        except (ConfigError, *Unavailable) as error:
            log.error("aomi.yaml is not reloaded: %s", error)
            return
        for line in outcome.problems:
            log.error("aomi.yaml is not reloaded everywhere: %s", line)
        if outcome.end != "unchanged":
            log.info("aomi.yaml %s: %d processes", site.short(outcome.digest), len(outcome.processes))


def _digest(path: Path) -> str:
    """'' for a file that cannot be read."""
    try:
        return catalog.digest_of(path)
    except ConfigError:
        return ""
