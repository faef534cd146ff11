"""Reads that begin before what they read is needed."""

from __future__ import annotations

import threading

import pytest

from workers.ahead import ahead


def test_two_reads_are_under_way_at_once_and_a_later_call_reads_again():
    both, count = threading.Barrier(2), []

    def read():
        count.append(1)
        if len(count) <= 2:
            both.wait(60)
        return len(count)

    first, second = ahead(read), ahead(read)
    assert {first(), second()} <= {1, 2}
    assert first() == 3


def test_what_a_read_raises_is_raised_where_it_is_needed():
    failed = ahead({}.popitem)
    with pytest.raises(KeyError):
        failed()
