"""Text that comes to a terminal from elsewhere cannot steer it."""

from __future__ import annotations

import unicodedata

import pytest

from app.commands.terminal_text import clean, one_line


def test_no_control_character_stays_but_line_ends_and_tabs():
    left = clean("".join(map(chr, range(0x110000))))
    assert {char for char in left if unicodedata.category(char) in ("Cc", "Cs")} == {"\n", "\t"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("\x07\x00\x7f", "␇␀␡"),
        ("real\rfake", "realfake"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("abc\u202egpj.exe", "abcgpj.exe"),
        ("\ud800", "\ufffd"),
        ("Grüße 👋🏽 中文", "Grüße 👋🏽 中文"),
    ],
)
def test_what_is_shown_instead(text, shown):
    assert clean(text) == shown


def test_a_sequence_in_two_pieces_is_none():
    assert clean("\x1b") + clean("[31m") == "␛[31m"


def test_a_short_text_is_one_line():
    assert one_line("one\n two\x1b") == "one two␛"
    assert one_line("x" * 80, 10) == "x" * 9 + "…"
