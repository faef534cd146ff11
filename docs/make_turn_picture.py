"""Makes docs/turn.svg: `.venv/bin/python -m docs.make_turn_picture`, in the project's folder.

Runs the real backend (the tests' own: real Redis, web, worker, and a price API on the loopback), asks it by curl,
notes when each line came, and draws that as an animated SVG.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from xml.sax.saxutils import escape

import yaml

from tests.support.backend import Backend, configuration, redis_running
from tests.support.servers import PriceApi, serving

PICTURE = Path(__file__).with_name("turn.svg")
COMMAND = """\
$ curl -N http://127.0.0.1:8000/api/chat -H "X-Session-Id: $SESSION" \\
    -H 'Content-Type: application/json' -d '{"text": "What is the current price of ETH?"}'
"""

ANSWER_TAKES, BEFORE, AFTER = 5.0, 1.5, 4.0
"""Seconds of the picture: the answer, the command alone, the whole of it."""

WIDTH, LEFT, TOP, LINE = 840, 20, 30, 17

Line = tuple[float, str]
"""Seconds since the request, and what came."""

STYLE = """
svg { --back: #f6f8fa; --edge: #d0d7de; --text: #1f2328; --dim: #59636e; --tool: #8250df; --end: #1a7f37; }
@media (prefers-color-scheme: dark) {
  svg { --back: #161b22; --edge: #30363d; --text: #e6edf3; --dim: #9198a1; --tool: #d2a8ff; --end: #56d364; }
}
rect { fill: var(--back); stroke: var(--edge); }
text { fill: var(--text); font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; }
.dim { fill: var(--dim); } .tool { fill: var(--tool); } .end { fill: var(--end); }
@media (prefers-reduced-motion: reduce) { text { animation: none !important; } }
"""


def record() -> list[Line]:
    """Ask the reference's question of a backend that has answered one before."""
    with tempfile.TemporaryDirectory() as name, serving(PriceApi().handle) as prices, redis_running(Path(name)) as url:
        config = Path(name) / "aomi.yaml"
        config.write_text(yaml.safe_dump(configuration("http://127.0.0.1:9")))
        environment = {"AOMI_CONFIG": str(config), "AOMI_PRICE_API_URL": prices, "TEST_API_KEY": "none"}
        backend = Backend(Path(name), url, environment)
        try:
            backend.worker()
            web = backend.web()[1]
            _ask(web)
            return _ask(web)
        finally:
            backend.stop()


def _ask(web: str) -> list[Line]:
    body = '{"text": "What is the current price of ETH?"}'
    command = ["curl", "-N", "-s", f"{web}/api/chat", "-H", f"X-Session-Id: {uuid.uuid4()}", "-d", body]
    command += ["-H", "Content-Type: application/json"]
    began = time.monotonic()
    lines: list[Line] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:  # noqa: S603 - our own address
        assert curl.stdout is not None
        while data := os.read(curl.stdout.fileno(), 65536):
            came = time.monotonic() - began
            lines += [(came, line) for line in data.decode().removesuffix("\n").split("\n")]
    return lines


def draw(answer: list[Line]) -> str:
    """The picture of the command and its answer; each line appears when it came, slowed down."""
    took = answer[-1][0]
    slower = max(1, round(ANSWER_TAKES / took))
    total = BEFORE + took * slower + AFTER
    shown = [(None, line) for line in COMMAND.splitlines()] + [(came, line) for came, line in answer]
    rows, rules = [], []
    for number, (came, line) in enumerate(shown):
        y = TOP + LINE * number
        if came is not None and line:
            at = 100 * (BEFORE + came * slower) / total
            rules.append(f"@keyframes l{number} {{ 0%, {at:.2f}% {{ opacity: 0 }} {at + 0.01:.2f}% {{ opacity: 1 }} }}")
            rules.append(f".l{number} {{ animation: l{number} {total:.1f}s infinite; }}")
            rows.append(_text(WIDTH - LEFT, y, f"{came * 1000:.0f} ms", f"dim l{number}", ' text-anchor="end"'))
        if line:
            rows.append(_text(LEFT, y, line, f"{_kind(line)} l{number}"))
    foot = TOP + LINE * len(shown) + 4
    note = f"Recorded: demo model, a price API on the same machine. {took * 1000:.0f} ms, shown {slower} times slower."
    rows.append(_text(LEFT, foot, note, "dim"))
    space = f'viewBox="0 0 {WIDTH} {foot + 16}" role="img" xml:space="preserve"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {space}>'
    title = "<title>A turn in curl: text, a tool call, its result, the answer, complete</title>"
    style = f"<style>{STYLE}{chr(10).join(rules)}\n</style>"
    back = f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{foot + 15}" rx="8"/>'
    return "\n".join([head, title, style, back, *rows, "</svg>", ""])


def _text(x: int, y: int, content: str, names: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{names.strip()}"{more}>{escape(content)}</text>'


def _kind(line: str) -> str:
    if '"tool_' in line:
        return "tool"
    if '"complete"' in line:
        return "end"
    return "" if line.startswith(("data", "$", " ")) else "dim"


if __name__ == "__main__":
    PICTURE.write_text(draw(record()))
    sys.stdout.write(f"{PICTURE}\n")
