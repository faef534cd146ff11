"""A message that waits can be taken back, here and in another tab."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import expect

from tests.support.backend import until
from tests.support.servers import Held, Silence, Text

pytestmark = pytest.mark.long


@pytest.fixture
def busy(scripted, provider):
    """The page while a turn runs, and what ends that."""
    gate = threading.Event()
    text = f"slow {scripted.url[-5:]}"
    provider.script(text, [Text(["first"]), Held(gate), Text([" and last"])])
    scripted.say(text)
    expect(scripted.turns.last).to_contain_text("first")
    yield scripted, gate
    gate.set()


def test_a_withdrawn_message_goes_back_into_the_box(busy, client, provider):
    page, gate = busy
    page.say("never mind")
    page.button("Withdraw").click()
    expect(page.box).to_have_value("never mind")
    expect(page.box).to_be_focused()
    expect(page.said).to_have_count(1)
    assert client.state()["waiting"] == []
    gate.set()
    expect(page.turns.last).to_contain_text("and last")
    expect(page.turns).to_have_count(1)


def test_what_was_typed_since_stays_in_the_box(busy):
    page, _ = busy
    page.say("never mind")
    page.box.fill("another one")
    page.button("Withdraw").click()
    expect(page.page.get_by_text("Withdrawn: “never mind”")).to_be_visible()
    expect(page.box).to_have_value("another one")


def test_a_message_that_waits_can_be_withdrawn_after_a_reload_and_in_the_other_tab(busy, tab):
    page, _ = busy
    page.say("one")
    page.say("two")
    other = tab().open(page.session_id)
    expect(other.button("Withdraw")).to_have_count(2)
    other.button("Withdraw").last.click()
    expect(other.box).to_have_value("two")
    for one in (page, other):
        expect(one.said).to_have_count(2)
        expect(one.said.last).to_contain_text("one")


def test_a_message_of_another_tab_is_seen_to_wait(busy, client):
    page, _ = busy
    threading.Thread(target=client.ask, args=("from elsewhere",), kwargs={"app": "scripted"}, daemon=True).start()
    expect(page.said.last).to_contain_text("from elsewhere")
    expect(page.button("Withdraw")).to_be_visible()
    page.button("Withdraw").click()
    expect(page.said).to_have_count(1)


def test_one_that_has_begun_meanwhile_says_so(busy, provider):
    page, gate = busy
    provider.script("begins", [Text(["It has begun"]), Silence()])
    page.say("begins")

    def late(route):
        gate.set()
        until(lambda: provider.requests("begins"))
        route.continue_()

    page.intercept("**/api/chat?session_id=*&run_id=*", late)
    page.button("Withdraw").click()
    expect(page.page.get_by_text("its reply has begun")).to_be_visible()
    expect(page.said).to_have_count(2)
    expect(page.turns.last).to_contain_text("It has begun")
    page.page.keyboard.press("Escape")
