"""The table of `benchmarks.peers.table` as an SVG that can be read on a light page and on a dark one."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.peers.table import COLUMNS, Row, note, rows

STYLE = """
svg { --back: #ffffff; --edge: #d0d7de; --text: #1f2328; --dim: #59636e; --ours: #ddf4ff; }
@media (prefers-color-scheme: dark) {
  svg { --back: #0d1117; --edge: #30363d; --text: #e6edf3; --dim: #9198a1; --ours: #121d2f; }
}
.card { fill: var(--back); stroke: var(--edge); } .ours { fill: var(--ours); } line { stroke: var(--edge); }
text { fill: var(--text); font: 14px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; }
text { font-variant-numeric: tabular-nums; }
.head { font-weight: 600; } .dim { fill: var(--dim); font-size: 12px; } .end { text-anchor: end; }
"""

MARGIN = 20
NAME = 225
"""Width of a system's name and version."""
KEEPS = 85
COLUMN = 120
VALUE = 58
"""Where in a column its figure ends and its ratio begins."""
HEAD = 62
ROW = 36
FOOT = 36
WIDTH = 2 * MARGIN + NAME + KEEPS + COLUMN * len(COLUMNS)


def draw(result: Mapping[str, Any], path: Path) -> list[Path]:
    """Write the picture of a result; where it is, or nothing where the result has no figures of the table."""
    found = rows(result)
    if not found:
        return []
    height = HEAD + ROW * len(found) + FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
        f"<title>{escape(note(result))}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
        *_head(),
    ]
    for place, row in enumerate(found):
        parts += _row(row, HEAD + ROW * place, ours=place == 0)
    parts += [_text(MARGIN, height - 13, note(result), "dim"), "</svg>"]
    path.write_text("\n".join(parts) + "\n")
    return [path]


def _head() -> list[str]:
    parts = [_text(MARGIN, 28, "System", "head"), _text(MARGIN + NAME, 28, "Turns kept", "head")]
    for place, column in enumerate(COLUMNS):
        x = _column(place)
        parts += [_text(x, 28, column.heading, "head"), _text(x, 47, column.unit, "dim")]
    return parts


def _row(row: Row, top: int, *, ours: bool) -> list[str]:
    base, weight = top + 23, "head" if ours else ""
    parts = [f'<line x1="1" x2="{WIDTH - 1}" y1="{top}" y2="{top}"/>']
    if ours:
        parts.append(f'<rect class="ours" x="1" y="{top + 0.5}" width="{WIDTH - 2}" height="{ROW - 1}"/>')
    name = f'{escape(row.title)} <tspan class="dim">{escape(row.version)}</tspan>'
    parts.append(f'<text x="{MARGIN}" y="{base}" class="{weight}">{name}</text>')
    parts.append(_text(MARGIN + NAME, base, row.keeps))
    for place, (value, ratio) in enumerate(row.cells):
        x = _column(place) + VALUE
        parts += [_text(x, base, value or "-", f"{weight} end"), _text(x + 8, base, ratio, "dim")]
    return parts


def _column(place: int) -> int:
    return MARGIN + NAME + KEEPS + 20 + COLUMN * place


def _text(x: int, y: int, what: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(what)}</text>'
