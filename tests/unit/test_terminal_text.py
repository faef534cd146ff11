"""Text that comes to a terminal from elsewhere cannot steer it."""

from __future__ import annotations

import json
import unicodedata

import pytest

from app.terminal_text import as_block, as_line, clean, escaped_json, one_line


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


def test_json_is_escaped_and_means_the_same():
    value = {"a": "\x1b\x7f\x9b\u202e\u2028\n Grüße 👋🏽", "b": ["\ud800"]}
    text = escaped_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert clean(text) == text
    assert "Grüße 👋🏽" in text


def test_a_line_has_no_line_end_and_a_block_has_them_indented():
    assert as_line("one\r\n two\u2028three") == "one  two three"
    assert as_block("one\ntwo\n") == "one\n  two\n  "


def test_a_short_text_is_one_line():
    assert one_line("one\n two\x1b") == "one two␛"
    assert one_line("x" * 80, 10) == "x" * 9 + "…"
