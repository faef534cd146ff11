"""`python -m tests.models.table` writes the table of docs/models.md: what the cases test for each provider."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.clients import providers
from tests.models.cases_file import WIRES, Case, cases
from tests.models.rules import FAULTS, RULES
from tests.models.stack import models

PAGE = Path(__file__).parents[2] / "docs/models.md"
STOPS = ("refused", "empty_answer")


def _is_error(case: Case) -> bool:
    return any(event.get("code") == "provider_error" for event in case.possible[0])


def _is_stopped(case: Case) -> bool:
    return any("finish_reason" in event or event.get("code") in STOPS for event in case.possible[0])


def _has_calls(case: Case) -> bool:
    return any(event["type"] == "tool_call" for event in case.possible[0])


KINDS: dict[str, Callable[[Case], bool]] = {
    "silent": lambda case: case.is_silent,
    "failed": _is_error,
    "stopped": _is_stopped,
    "tools": _has_calls,
    "text": lambda case: True,
}
"""What a case is about: the first of these that holds."""
COLUMNS = {
    "text": "text",
    "tools": "tool calls",
    "stopped": "cut, filtered, refused, empty",
    "failed": "errors, cut streams",
    "silent": "silence",
}


def kind(case: Case) -> str:
    return next(name for name, holds in KINDS.items() if holds(case))


def table() -> str:
    """The table in Markdown."""
    titles = ["provider", "model", *COLUMNS.values(), "later turns", "rules"]
    rows = [titles, ["---"] * 2 + ["--:"] * (len(titles) - 2)]
    rows += [_row(provider, str(params["model"])) for provider, params in models("").items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(provider: str, model: str) -> list[str]:
    mine = [case for case in cases().values() if case.provider == provider]
    counts = [sum(kind(case) == column for case in mine) for column in COLUMNS]
    later = sum(turn.provider == provider for case in cases().values() for turn in case.then)
    rules = len(RULES[provider]) + len(FAULTS.get(provider, ()))
    return [provider, f"`{model}`", *(str(count or "") for count in (*counts, later, rules))]


def simulated() -> str:
    """The table of the providers of the simulator aimock."""
    rows = [["provider", "model"], ["---"] * 2]
    rows += [[provider, f"`{params['model']}`"] for provider, params in providers.models("").items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def written(page: str) -> str:
    """The page with the tables as they are now."""
    for name, content in (("tested", table()), ("simulated", simulated())):
        begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
        before, rest = page.split(begin)
        page = before + begin + content + end + rest.split(end)[1]
    return page


if __name__ == "__main__":
    assert WIRES.keys() == models("").keys()
    PAGE.write_text(written(PAGE.read_text()))
