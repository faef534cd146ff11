"""What a person sees in a terminal, as a picture: SVG, in light and in dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from xml.sax.saxutils import escape

WIDTH, LEFT, TOP, LINE = 840, 20, 30, 18

COLOURS = {"2": "dim", "31": "red", "33": "yellow", "36": "cyan"}
"""Classes of the picture by the codes that set them; others are left out."""

STYLE = """
svg { --back: #f6f8fa; --edge: #d0d7de; --text: #1f2328; }
svg { --dim: #59636e; --red: #cf222e; --yellow: #7d4e00; --cyan: #1b6b72; }
@media (prefers-color-scheme: dark) {
  svg { --back: #161b22; --edge: #30363d; --text: #e6edf3; }
  svg { --dim: #9198a1; --red: #ff7b72; --yellow: #d29922; --cyan: #56d4dd; }
}
rect { fill: var(--back); stroke: var(--edge); }
text { fill: var(--text); font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; }
.dim { fill: var(--dim); } .red { fill: var(--red); } .yellow { fill: var(--yellow); } .cyan { fill: var(--cyan); }
"""

_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")

Piece = tuple[str, str]
"""A class and the text that has it."""


def draw(raw: str, title: str) -> str:
    """The picture of what a program has written to its terminal."""
    rows = [
        f'<text x="{LEFT}" y="{TOP + LINE * number}">{"".join(map(_span, pieces))}</text>'
        for number, pieces in enumerate(_lines(raw))
        if pieces
    ]
    height = TOP + LINE * len(raw.rstrip().split("\n"))
    space = f'viewBox="0 0 {WIDTH} {height}" role="img" xml:space="preserve"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {space}>'
    back = f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", back, *rows, "</svg>", ""])


def _lines(raw: str) -> Iterator[list[Piece]]:
    """The lines as they are in the end: an erased one begins again. A colour ends with its line."""
    for line in raw.rstrip().split("\n"):
        shown = line.strip("\r").rpartition("\x1b[K")[2].replace("\r", "")
        yield _joined(_pieces(shown))


def _pieces(line: str) -> Iterator[Piece]:
    colour, place = "", 0
    for found in _SEQUENCE.finditer(line):
        yield colour, line[place : found.start()]
        place = found.end()
        if found[2] == "m":
            colour = COLOURS.get(found[1], "")
    yield colour, line[place:]


def _joined(pieces: Iterator[Piece]) -> list[Piece]:
    grouped = groupby((piece for piece in pieces if piece[1]), key=lambda piece: piece[0])
    return [(colour, "".join(text for _, text in group)) for colour, group in grouped]


def _span(piece: Piece) -> str:
    colour, text = piece
    return f'<tspan class="{colour}">{escape(text)}</tspan>' if colour else escape(text)
