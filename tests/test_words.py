"""Docs, docstrings, comments and messages are plain technical English: docs/glossary.md has the terms, this file the
words that must not come back."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "benchmarks/README.md"])
CONFIGURATION = sorted(
    [
        ROOT / "aomi.yaml",
        ROOT / "app.json",
        ROOT / "docker-compose.yml",
        ROOT / "Dockerfile",
        ROOT / "Makefile",
        ROOT / "deploy/nginx.conf",
        *ROOT.glob("deploy/systemd/*"),
    ]
)
CODE = sorted(path for room in ("app", "workers") for end in ("py", "lua") for path in ROOT.glob(f"{room}/**/*.{end}"))

INSTEAD = {
    r"\bwhoever\b": "name who: the worker, the reaper, anyone who ...",
    r"\banew\b": "again, new",
    r"\bof late\b": "recently",
    r", as (?:it|its|they|their|there|nobody|nothing|no|what|this|that|these|those|each|all) ": "because ...",
    r", as (?:the|an?) [\w-]+ (?:is|are|was|has|have|had|can|cannot|may|must|would|does|do) ": "because ...",
    r"(?:^|[.;:!|] |\n)(?:What|Whatever|Who) [^.?!|]*(?:[.!|](?!\w)|$)": "a noun as the subject of the sentence",
    r"\bstands?\b(?! for\b)": "is, is in",
    r"\bmeanwhile\b": "at the same time, during this",
    r"\b(?:webs|a web(?! (?:process|page|server|browser|request|shop|dyno|app)))\b": "web process",
    r"\banswer(?: of Redis)? (?:was|is) lost\b": "the reply was lost",
    r"\b(?:beats|beaten)\b": "heartbeat, sends a heartbeat",
    r"\bsome (?:seconds|microseconds|minutes)\b": "a few seconds",
    r"\bcaretaker": "reaper",
    r"\blook(?:s|ed|ing)? after\b": "the reaper handles, operate",
    r"\b(?:hangs?|hung) up\b": "closes the connection, disconnects",
    r"\bsigns? (?:on|off)\b": "registers, unregisters",
}
"""By a pattern, the words to write instead."""

PATTERNS = {re.compile(pattern, re.IGNORECASE if pattern.islower() else 0): words for pattern, words in INSTEAD.items()}


def prose(path: Path) -> Iterator[str]:
    """The texts of a file that people read: paragraphs, docstrings, comments, messages."""
    text = path.read_text()
    if path.suffix == ".md":
        text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        yield re.sub(r"`[^`]*`", "CODE", re.sub(r"^#+ .*$", "", text, flags=re.MULTILINE))
    elif path.suffix == ".py":
        yield from (node.value for node in ast.walk(ast.parse(text)) if is_text(node))
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        yield from joined(
            (token.start[0], token.string.lstrip("# ")) for token in tokens if token.type == tokenize.COMMENT
        )
    elif path.suffix == ".json":
        yield text
    else:
        sign = "--" if path.suffix == ".lua" else "#"
        lines = enumerate(text.splitlines())
        yield from joined((n, line.split(f"{sign} ", 1)[1]) for n, line in lines if f"{sign} " in line)


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def joined(lines: Iterator[tuple[int, str]]) -> Iterator[str]:
    """Comments on lines that follow one another as one text."""
    last, parts = -1, []
    for number, line in lines:
        if parts and number != last + 1:
            yield "\n".join(parts)
            parts = []
        parts.append(line)
        last = number
    yield "\n".join(parts)


def unwrapped(text: str) -> str:
    """Each paragraph, item and row on a line of its own."""
    return re.sub(r"(?<=\S)[ \t]*\n[ \t]*(?=\S)(?![|*-] )", " ", text)


def found(path: Path) -> list[str]:
    """Each forbidden wording of a file, with what to write instead."""
    texts = [unwrapped(text) for text in prose(path)]
    hits = [
        (hit[0].strip(), words) for text in texts for rule, words in PATTERNS.items() for hit in rule.finditer(text)
    ]
    return [f"{hit[:100]!r}: write {words!r}" for hit, words in hits]


@pytest.mark.parametrize("path", [str(path.relative_to(ROOT)) for path in [*DOCS, *CONFIGURATION, *CODE]])
def test_the_words_are_plain(path):
    assert found(ROOT / path) == []


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Whoever ends it.", False),
        ("The reaper ends it.", True),
        ("It waits, as it has no lease.", False),
        ("The same, as a list.", True),
        ("What is kept is gone.", False),
        ("What is kept?", True),
        ("It stands there.", False),
        ("`*` stands for every app.", True),
        ("A web ends its streams.", False),
        ("A web process ends its streams.", True),
    ],
)
def test_the_rules_find_what_they_are_for(tmp_path, text, plain):
    page = tmp_path / "page.md"
    page.write_text(text)
    assert (found(page) == []) is plain
