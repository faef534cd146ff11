"""docs/quickstart.mjs over a line that breaks, by node's own fetch."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

from tests.support import processes
from tests.support.client import Client, kinds, text_of
from tests.support.cutting import breaking
from tests.support.programs import needed

SESSION = Path(__file__).parent / "quickstart_session.mjs"
NUMBERS = " ".join(str(number) for number in range(1, 41))


def drive(url, session):
    ran = processes.run([needed("node"), SESSION, url, session])
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_an_answer_that_is_cut_in_the_middle_comes_whole_and_each_event_once(webs):
    session = str(uuid.uuid4())
    with breaking(webs[0], cut_at=2) as (url, line):
        saw = drive(url, session)
    requests = [request.decode() for request in line.requests]
    counting, stopping, refused = (
        [request for request in requests if f'"text":"{text}"' in request]
        for text in ("count to 40", "count to 5000", " ")
    )
    resumed = [request for request in requests if request.startswith("GET /api/chat")]
    assert (len(counting), len(stopping), len(refused), len(resumed)) == (1, 1, 1, 1)
    assert re.search(r"^last-event-id: run_[0-9a-f]{32}:1\r$", resumed[0], re.MULTILINE | re.IGNORECASE)
    assert text_of(saw["counted"]).strip() == NUMBERS
    assert kinds(saw["counted"]) == ["text", "complete"]


def test_a_line_that_goes_silent_is_left_and_the_answer_comes_whole(webs):
    session = str(uuid.uuid4())
    with breaking(webs[0], cut_at=2, silent=True) as (url, _):
        saw = drive(url, session)
    assert text_of(saw["counted"]).strip() == NUMBERS
    assert kinds(saw["counted"]) == ["text", "complete"]


def test_a_stop_ends_the_stream_and_the_text_so_far_stays(webs):
    session = str(uuid.uuid4())
    saw = drive(webs[0], session)
    assert saw["stopped"][-1] == {"type": "complete", "interrupted": True}
    kept = Client(webs[0], session_id=session).state()["messages"][-1]
    assert kept["interrupted"] is True
    assert text_of(saw["stopped"]) == kept["content"]


def test_a_message_that_was_refused_is_thrown_in_the_servers_words(webs):
    assert drive(webs[0], str(uuid.uuid4()))["refused"] == [400, "'text' must be a string that is not blank"]


def test_a_line_that_breaks_before_the_first_event_brings_one_turn(webs):
    """The message is sent again under the same key, and attaches to the turn that the first one started."""
    session = str(uuid.uuid4())
    with breaking(webs[0], cut_at=1, cuts=2) as (url, _):
        saw = drive(url, session)
    assert text_of(saw["counted"]).strip() == NUMBERS
    sent = [m["content"] for m in Client(webs[0], session_id=session).state()["messages"] if m["role"] == "user"]
    assert sent == ["count to 40", "count to 5000"]
