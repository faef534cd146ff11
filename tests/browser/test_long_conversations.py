"""A conversation of many messages: its last ones at once, the others as one scrolls up. What is new, and what waits."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import expect

from app import exact_json
from app.state import redis_keys
from app.state.conversation import transcript
from tests.support.backend import until
from tests.support.servers import Held, Text

pytestmark = pytest.mark.exhaustive

LENGTH = 5000


def stored(number: int) -> transcript.Message:
    if number % 2:
        return transcript.message(f"run_{number}-0", "assistant", f"**reply** {number}", "2026-01-01T00:00:00.000Z")
    return transcript.message(f"msg_{number}", "user", f"question {number}", "2026-01-01T00:00:00.000Z")


def test_a_long_conversation_shows_its_end_and_loads_what_is_before_it_as_one_scrolls_up(
    scripted, client, provider, redis, figure
):
    provider.script("the last words", [Text(["are answered"])], [Text(["are answered again"])])
    client.ask("the last words", app="scripted")
    key = redis_keys.messages(client.session_id, client.state()["thread_id"])
    redis.lpush(key, *[exact_json.dumps(stored(number)) for number in reversed(range(LENGTH))])
    figure(scripted.seconds_until_shown("are answered"))
    expect(scripted.said).to_have_count(50)
    first = scripted.page.get_by_text(f"question {LENGTH - 98}", exact=True)
    first.scroll_into_view_if_needed()
    expect(scripted.page.get_by_text(f"question {LENGTH - 198}", exact=True)).to_be_attached()
    expect(first).to_be_in_viewport()
    scripted.button("Earlier messages").focus()
    scripted.page.keyboard.press("Enter")
    far_back = scripted.page.get_by_text(f"question {LENGTH - 298}", exact=True)
    expect(far_back).to_be_attached()
    scripted.turns.last.hover()
    scripted.turns.last.get_by_role("button", name="Regenerate this reply").click()
    expect(scripted.turns.last).to_contain_text("are answered again")
    expect(far_back).to_be_attached()


def test_a_search_finds_and_leads_to_a_message_that_is_far_back(scripted, client, provider, redis):
    provider.script("the last words", [Text(["are answered"])])
    client.ask("the last words", app="scripted")
    owner = scripted.page.evaluate("localStorage['aomi.owner']")
    client.post("/api/sessions", json={"public_key": owner})
    key = redis_keys.messages(client.session_id, client.state()["thread_id"])
    redis.lpush(key, *[exact_json.dumps(stored(number)) for number in reversed(range(700))])
    scripted.open().page.get_by_label("Search in conversations").fill("question 348")
    expect(scripted.rows.locator(".snippet")).to_have_text("question 348")
    scripted.rows.locator(".row-title").click()
    expect(scripted.page.get_by_text("question 348", exact=True)).to_be_in_viewport()


def test_news_of_another_conversation_are_marked_and_a_regeneration_that_waits_is_withdrawn(here, client, provider):
    gate = threading.Event()
    provider.script("something else", [Text(["new"])])
    provider.script("hold on here", [Text(["held"]), Held(gate)])
    owner = here.page.evaluate("localStorage['aomi.owner']")
    client.post("/api/sessions", json={"app": "scripted", "public_key": owner, "title": "Elsewhere"})
    client.ask("something else", app="scripted")
    asked = client.state()["messages"][0]["id"]
    here.page.reload()
    row = here.button("Elsewhere")
    expect(row).to_have_attribute("aria-description", "Unread")
    row.click()
    expect(here.turns).to_contain_text("new")
    until(lambda: not client.get(f"/api/sessions/{client.session_id}").json()["unread"], what="the mark as seen")
    again = {"json": {"regenerate": asked}, "params": {"app": "scripted"}}
    with client.chat("hold on here", app="scripted"), client.streaming("POST", "/api/chat", **again):
        expect(here.page.get_by_text("Waiting to reply again to “something else”")).to_be_visible()
        here.button("Withdraw").click()
        expect(here.button("Withdraw")).to_have_count(0)
        assert client.state()["waiting"] == []
        gate.set()
    expect(here.turns.last).to_contain_text("held")
    expect(here.said).to_have_count(2)
