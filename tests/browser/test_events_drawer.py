"""The drawer "Events": requests and events by turns, each turn in every dialect, requests as code."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Playground
from tests.support.patience import patient
from tests.support.programs import needed
from tests.support.servers import Calls, StepwiseText, Text

FRAMES = {
    "AI SDK": ["GET /ai/chat/", "start", "text-delta", "tool-input-available", "finish"],
    "AG-UI": ["GET /agui/threads/", "RUN_STARTED", "TEXT_MESSAGE_CONTENT", "TOOL_CALL_RESULT", "RUN_FINISHED"],
    "OpenAI": ["GET /v1/sessions/", "response.created", "response.output_text.delta", "response.completed"],
}
"""By dialect, kinds of frames of a turn with a tool."""


def turns(page: Page):
    return page.locator("#events .of-turn")


def test_requests_and_events_are_grouped_by_turns_as_they_were(here: Playground):
    here.button("Events").click()
    here.say("remember 42")
    here.say("count to 40")
    expect(here.turns).to_have_count(2)
    events, mine = here.page.locator("#events"), turns(here.page)
    expect(mine.locator(".group-title")).to_have_text(["“remember 42”", "“count to 40”"])
    expect(mine.last).to_contain_text("POST /api/chat?ids=1&reasoning=1")
    expect(mine.last.locator(".row-name", has_text="complete")).to_be_visible()
    expect(events).to_contain_text('"type":"title_changed"')
    end = mine.first.locator("li.received", has=here.page.get_by_text("complete", exact=True))
    end.locator("summary").click()
    expect(end.locator(".frame-head")).to_have_text(re.compile(r"id: run_[0-9a-f]{32}:\d+"))
    expect(end.locator(".json")).to_contain_text('type: "complete"')
    here.page.get_by_label("Kind").select_option("complete")
    expect(mine.locator("li:visible")).to_have_count(2)
    here.page.get_by_label("Kind").select_option("")
    here.button("Clear").click()
    expect(events.locator("li")).to_have_count(0)
    here.button("Close the events").click()
    expect(here.page.locator("#drawer")).to_be_hidden()
    expect(here.button("Events")).to_be_focused()


@pytest.mark.long
@pytest.mark.parametrize("width", [1100, 1280, 1400])
def test_between_both_sides_the_title_is_read(here: Playground, width):
    here.page.set_viewport_size({"width": width, "height": 800})
    here.button("Events").click()
    expect(here.page.locator("#drawer")).to_be_visible()
    assert here.page.locator("#title").bounding_box()["width"] > 100
    assert here.page.locator("#model").bounding_box()["width"] > 80


@pytest.mark.long
def test_a_request_opens_to_the_json_of_its_response_without_the_persons_key(scripted, key):
    scripted.say(f"my key is {key}")
    expect(scripted.turns.last).to_contain_text("ok")
    scripted.page.reload()
    expect(scripted.turns.last).to_contain_text("ok")
    scripted.button("Events").click()
    row = scripted.page.locator("#events li.sent", has_text="GET /api/state").first
    row.locator("summary").first.click()
    response = row.locator(".json")
    for level in ("messages: ", "0: "):
        response.locator("summary", has_text=level).first.click()
    expect(response).to_contain_text('content: "my key is …"')
    expect(response).not_to_contain_text(key)


@pytest.mark.long
def test_tokens_are_folded_and_open_to_their_frames(scripted, provider):
    words = StepwiseText(["one ", "two ", "three"])
    provider.script("some words", words.answer)
    scripted.say("some words")
    for word in ("one", "two", "three"):
        words.send()
        expect(scripted.turns.last).to_contain_text(word)
    scripted.button("Events").click()
    text = turns(scripted.page).last.locator("li.received", has=scripted.page.get_by_text("text", exact=True))
    expect(text).to_have_count(1)
    expect(text.locator(".brief")).to_have_text("one two three")
    text.locator("summary").click()
    expect(text.get_by_role("group", name="Frames")).to_contain_text(
        re.compile(r'id: run_\w+:\d+\ndata: {"type":"text"')
    )


@pytest.mark.long
def test_a_turn_is_shown_as_each_dialect_streams_it(scripted, provider):
    provider.script("in other words", [Text(["First. "]), Calls([("Add", {"a": 1, "b": 2})])], [Text(["Done."])])
    scripted.say("in other words")
    expect(scripted.turns.last).to_contain_text("Done.")
    scripted.button("Events").click()
    turn = turns(scripted.page).last
    for dialect, kinds in FRAMES.items():
        scripted.page.get_by_label("Dialect").select_option(label=dialect)
        for kind in kinds:
            expect(turn.locator(".row-name", has_text=kind).first).to_be_visible()
        expect(turn.get_by_text("POST /api/chat")).to_have_count(0)
    scripted.page.get_by_label("Dialect").select_option(label="Native")
    expect(turn.locator(".row-name", has_text="tool_call")).to_be_visible()


@pytest.mark.long
def test_a_dialect_that_was_chosen_before_the_message_shows_its_turn(scripted):
    scripted.button("Events").click()
    scripted.page.get_by_label("Dialect").select_option(label="AI SDK")
    scripted.say("hello")
    for kind in ("GET /ai/chat/", "text-delta", "finish"):
        expect(turns(scripted.page).last.locator(".row-name", has_text=kind).first).to_be_visible()


def code_of(page: Page, language: str) -> str:
    """The code of the request with the last message."""
    sent = turns(page).last.locator("li.sent").first
    if not sent.get_by_role("group", name="This request as code").is_visible():
        sent.locator("summary").first.click()
    sent.get_by_role("button", name=language, exact=True).click()
    return sent.locator(".request-code code").inner_text()


@pytest.mark.long
def test_each_request_is_code_that_works_without_the_persons_key(scripted, key, tmp_path):
    scripted.say('it\'s "quoted" \\ and\nover two lines $HOME `id`')
    expect(scripted.turns.last).to_contain_text("ok")
    scripted.button("Events").click()
    codes = {language: code_of(scripted.page, language) for language in ("curl", "fetch", "Python")}
    assert not [language for language, code in codes.items() if key in code]
    (tmp_path / "sent.mjs").write_text(codes["fetch"].replace('API_KEY = ""', f"API_KEY = {key!r}"))
    (tmp_path / "sent.py").write_text(codes["Python"])
    commands = {
        "curl": [needed("bash"), "-c", codes["curl"]],
        "fetch": [needed("node"), str(tmp_path / "sent.mjs")],
        "Python": [sys.executable, str(tmp_path / "sent.py")],
    }
    for language, command in commands.items():
        ran = subprocess.run(
            command,
            env=os.environ | {"API_KEY": key},
            capture_output=True,
            text=True,
            timeout=patient(30),
            check=False,
        )
        assert '{"type":"complete"}' in ran.stdout, (language, ran.stdout, ran.stderr)
