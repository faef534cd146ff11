"""One run: people talk while things break, until enough turns were taken; then the verdict."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.faults import misfortune
from tests.chaos.flush import flush
from tests.chaos.people import Listener, Person
from tests.chaos.site import Site, standing
from tests.chaos.verdict import Verdict

PEOPLE = 8
"""Who chat at once, unless the plan has another number."""

QUIET = (0.2, 1.2)
"""Seconds between two misfortunes, from and to."""

_NEVER_AWAITED = re.compile(
    r"Exception ignored in: <coroutine object \S+acompletion_stream_function at \w+>\n"
    r"Traceback .*\n  File \"<string>\", line 1, in <lambda>\nKeyError: '__import__'\n"
)
"""What Python writes if it collects a coroutine of litellm's, which a stop left unawaited, while it makes a namedtuple:
the warning cannot be imported there."""


@dataclass(frozen=True)
class Plan:
    """What is run. `lease` is AOMI_LEASE, in seconds; `failover` puts Sentinels and a replica under the site."""

    seed: int
    turns: int
    lease: float
    people: int = PEOPLE
    failover: bool = False


@dataclass
class Report:
    """What a run has shown. `broken` is empty when every promise held."""

    seed: int
    turns: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    figures: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def table(self) -> str:
        """As Markdown."""
        rows = ["| | |", "|---|---|", f"| seed {self.seed} | {self.turns} turns in {self.seconds:.0f} s |"]
        for title, counts in (("fault", self.faults), ("end", self.ends), ("held", self.held)):
            rows += [f"| {title}: {name} | {count} |" for name, count in sorted(counts.items())]
        rows += [f"| measured: {name} | {value} |" for name, value in self.figures.items()]
        return "\n".join([*rows, f"| promises broken | {len(self.broken)} |"])


def chaos(folder: Path, plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Report:
    """At least `plan.turns` turns on a site of their own. Progress goes to `tell`, a line at a time."""
    seed, report = plan.seed, Report(plan.seed)
    began = time.monotonic()
    with (
        standing(folder, plan.lease, watched=plan.failover) as site,
        ThreadPoolExecutor(plan.people * 4) as pool,
    ):
        people = [Person(site, f"{seed}-{number}", pool) for number in range(plan.people)]
        listeners = [Listener(site, person.session_id, f"{seed}") for person in people]
        for listener in listeners:
            listener.start()
        tell(f"seed {seed}: the site stands after {time.monotonic() - began:.0f} s")
        _live(site, people, report, plan.turns, tell)
        tell(f"seed {seed}: {report.turns} turns done, now the verdict")
        verdict = Verdict(site, people, listeners)
        verdict.reach()
        for listener in listeners:
            listener.end()
        report.held, report.figures = verdict.held, verdict.figures()
        report.broken += verdict.broken
        report.ends = Counter(_end(sent) for person in people for sent in person.sent)
        if not report.broken:
            _flush(site, report, pool)
        if "Traceback" in _NEVER_AWAITED.sub("", site.logs()):
            report.broken.append(f"a traceback in the logs of {folder}")
    report.seconds = time.monotonic() - began
    return report


def _flush(site: Site, report: Report, pool: ThreadPoolExecutor) -> None:
    report.faults["flush redis"] = 1
    try:
        report.held["a stream of what was flushed ends as lost"] = flush(site, report.seed, pool)
    except AssertionError as error:
        report.broken.append(str(error))


def _live(site: Site, people: list[Person], report: Report, turns: int, tell: Callable[[str], None]) -> None:
    over = threading.Event()
    count = threading.Lock()

    def live(person: Person) -> None:
        while report.turns < turns and not report.broken:
            try:
                taken = person.act()
            except AssertionError as error:
                report.broken.append(str(error))
                tell(f"seed {report.seed}: broken: {str(error)[:1000]}")
                return
            with count:
                report.turns += taken

    def suffer() -> None:
        rng = random.Random(report.seed)
        told = 0
        while not over.wait(rng.uniform(*QUIET)):
            misfortune(site, rng, report.faults)
            if report.turns >= told + 100:
                told = report.turns
                tell(f"seed {report.seed}: {told} turns, {report.faults.total()} faults")

    threads = [threading.Thread(target=live, args=(person,)) for person in people]
    fate = threading.Thread(target=suffer)
    for thread in (*threads, fate):
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    fate.join()


def _end(sent) -> str:
    if sent.refused:
        return f"refused with {sent.refused}"
    end = sent.end or {"type": "none"}
    return end.get("code") or ("interrupted" if end.get("interrupted") else end["type"])
