"""What tools print becomes log lines; what others print stays as it is."""

from __future__ import annotations

import io
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.telemetry.prints import MAX_LINE, PrintedLines, tool_output


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def lines(caplog):
    """The levels and texts of what was logged."""
    caplog.set_level(logging.INFO)
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records]


def as_it_is(text):
    return text


def test_a_line_is_logged_once_it_ends(stream, lines):
    out = PrintedLines(stream, logging.INFO)
    with tool_output("Buy", as_it_is):
        print("one", "two", file=out)
        print("th", end="", file=out, flush=True)
        assert lines() == [("INFO", "one two")]
        print("ree\n\nfour", file=out)
    assert lines() == [("INFO", "one two"), ("INFO", "three"), ("INFO", "four")]
    assert stream.getvalue() == ""


def test_a_line_without_an_end_is_logged_when_the_call_ends(stream, lines):
    with tool_output("Buy", as_it_is):
        print("half", end="", file=PrintedLines(stream, logging.WARNING))
    assert lines() == [("WARNING", "half")]


def test_a_line_without_an_end_is_not_kept_for_ever(stream, lines):
    with tool_output("Buy", as_it_is):
        print("x" * (MAX_LINE + 1), end="", file=PrintedLines(stream, logging.INFO))
        assert lines() == [("INFO", "x" * (MAX_LINE + 1))]


def test_two_calls_do_not_mix_their_lines(stream, lines):
    out = PrintedLines(stream, logging.INFO)
    with tool_output("Buy", as_it_is):
        print("half", end="", file=out)
        with tool_output("Sell", as_it_is):
            print("whole", file=out)
        print(" done", file=out)
    assert lines() == [("INFO", "whole"), ("INFO", "half done")]


def test_what_others_print_passes(stream, lines):
    print("plain", file=PrintedLines(stream, logging.INFO))
    assert (stream.getvalue(), lines()) == ("plain\n", [])


def test_the_threads_of_a_tool_print_no_secret(stream):
    with tool_output("Buy", lambda text: text.replace("hunter2", "$SECRET:T")), ThreadPoolExecutor() as pool:
        pool.submit(print, "key", "hunter2", file=PrintedLines(stream, logging.INFO)).result()
    assert stream.getvalue() == "key $SECRET:T\n"
