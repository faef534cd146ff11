"""The benchmark's arithmetic: what is read off a stream's bytes, percentiles, ratios."""

from __future__ import annotations

import math

import pytest

from benchmarks import provider, report
from benchmarks.bench import Figure
from benchmarks.figures import of_cpu, of_streams
from benchmarks.listeners import MOMENT, Listener
from benchmarks.load import Reader, Request, Stream
from benchmarks.stats import Spread, median, percentile, spread

REQUEST = Request("127.0.0.1", 1, b"GET / HTTP/1.1\r\n\r\n")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
END = b'19\r\ndata: {"type":"complete"}\n\n\r\n0\r\n\r\n'


class Wire:
    """A transport that keeps what it was given."""

    def __init__(self) -> None:
        self.sent = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True


def read(*parts: bytes) -> tuple[Stream, Wire]:
    wire, reader = Wire(), Reader(REQUEST, lambda: None)
    reader.connection_made(wire)
    for part in parts:
        reader.data_received(part)
    return reader.stream, wire


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([3, 1, 2], 0.5, 2), ([1, 2, 3, 4], 0.5, 2), (range(1, 101), 0.99, 99), (range(1, 101), 1, 100), ([7], 0.01, 7)],
)
def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed(values, share, expected):
    assert percentile(values, share) == expected


def test_nothing_has_no_percentile_and_no_median():
    assert math.isnan(percentile([], 0.5))
    assert math.isnan(median([]))


def test_the_median_of_an_even_number_lies_between_the_two_in_the_middle():
    assert median([4, 1, 2, 3]) == 2.5


def test_rounds_without_a_figure_count_for_nothing():
    assert spread([3, math.nan, 1]) == Spread(2, 1, 3, 2)


def test_tokens_are_counted_however_they_were_cut_and_joined():
    stream, wire = read(HEAD, b"data: one~ two~ th", b"ree~\n\n", END)
    assert (stream.status, stream.tokens, len(stream.gaps)) == (200, 3, 1)
    assert stream.size == len(HEAD) + len(b"data: one~ two~ three~\n\n") + len(END)
    assert wire.sent == REQUEST.data
    assert wire.closed


def test_a_stream_is_over_when_its_last_chunk_came_in_two_parts():
    stream, wire = read(HEAD, END[:-3], END[-3:])
    assert wire.closed
    assert stream.end == "complete"


def test_a_head_that_ends_in_a_nought_is_no_last_chunk():
    stream, wire = read(b"HTTP/1.1 200 OK\r\nLocation: /api/chat?run_id=run_10\r\n\r\n")
    assert not wire.closed
    assert stream.end == "cut"


@pytest.mark.parametrize(
    ("parts", "end"),
    [
        ([HEAD, END], "complete"),
        ([HEAD, END.replace(b"}", b',"interrupted":true}')], "interrupted"),
        ([HEAD, END.replace(b"complete", b"error")], "error"),
        ([HEAD, b"data: one~\n\n"], "cut"),
        ([b"HTTP/1.1 429 Too Many Requests\r\n\r\n{}"], "refused"),
        ([], "cut"),
    ],
)
def test_it_is_known_how_a_stream_ended(parts, end):
    assert read(*parts)[0].end == end


def test_streams_that_lack_tokens_are_unfinished_and_in_no_other_figure():
    def stream(tokens: int, seconds: float) -> Stream:
        return Stream(began=1, first=1.01, ended=1 + seconds, status=200, tokens=tokens, tail=END, gaps=[0.02])

    figures = of_streams([stream(10, 2.0), stream(10, 3.0), stream(9, 50.0)], 10, 2.0)
    assert figures["unfinished"] == 1
    assert (figures["ratio_p50"], figures["ratio_max"]) == (1.0, 1.5)
    assert figures["ttft_p95_ms"] == pytest.approx(10)
    assert figures["gap_p99_ms"] == pytest.approx(20)


def test_the_cpu_of_client_and_provider_is_not_the_systems():
    figures = of_cpu({"web": 1.0, "redis": 0.5, "provider": 3.0, "client": 4.0}, 500)
    assert figures["cpu_s_1k_total"] == 3.0
    assert figures["cpu_s_1k_client"] == 8.0


def test_a_listener_times_an_event_that_came_in_two_parts_once():
    listener = Listener(REQUEST)
    frame = b'data: {"type":"text","content":"0000000000000001~"}\n\n'
    listener.data_received(frame + frame[:40])
    assert len(listener.delays) == 1
    listener.data_received(frame[40:])
    assert len(listener.delays) == 2
    assert MOMENT.findall(frame) == [b"0000000000000001"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [("paced-50x100", (100, 0.02)), ("openai/burst-7", (7, 0)), ("window.burst-10", (10, 0))],
)
def test_the_models_name_says_what_the_provider_sends(model, expected):
    found = provider.MODEL.search(b'{"model": "%s", "stream": true}' % model.encode())
    answer = provider.answer_of(found[1].decode(), int(found[2] or 0), int(found[3] or found[4]))
    assert (answer.count, answer.pause) == expected


def test_the_table_holds_our_median_against_that_of_the_others():
    found = [Figure("burst", "aomi", "tokens_a_s", n, value) for n, value in enumerate((900, 1000, 1100))]
    shown = report.table([*found, Figure("burst", "fastapi", "tokens_a_s", 1, 500)])
    assert "1,000 (900-1,100)" in shown
    assert [line.split() for line in shown.splitlines()][-1] == ["aomi", "/", "fastapi", "x2.00"]
