"""Nothing waits for ever: a line that is silent is left, and what happened to a session elsewhere is found."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import expect

from tests.browser.test_in_step import SET_HIDDEN
from tests.support.browser import Playground
from tests.support.line import line_to
from tests.support.servers import Held, Text

pytestmark = pytest.mark.exhaustive


def counted_loads(page):
    """The requests for a session's state from now on; the list grows."""
    loads = []
    page.on("request", lambda one: loads.append(one) if "/api/state" in one.url else None)
    return loads


def await_updates(page, client):
    """Wait until the page has got what its subscription begins with, and has done what it does a moment later."""
    client.request("PATCH", f"/api/sessions/{client.session_id}", json={"title": "Told on the updates"})
    expect(page.get_by_role("heading", level=1)).to_have_text("Told on the updates")
    page.evaluate("() => new Promise((done) => setTimeout(done, 60))")  # twice the DELAY of state_sync.js


def test_a_silent_stream_is_left_and_what_it_missed_is_shown(profile, webs, client, provider, key):
    muted = threading.Event()
    provider.script("a silent line", [Text(["before "]), Held(muted), Text(["behind"])])
    client.post("/api/sessions", json={"app": "scripted"})
    profile.add_init_script(f"sessionStorage['aomi.key'] ??= {key!r}")
    with line_to(webs[0]) as line:
        here = Playground.of(profile.new_page(), line.url).open(client.session_id)
        here.say("a silent line")
        expect(here.turns.last).to_contain_text("before")
        line.mute()
        client.request("PATCH", f"/api/sessions/{client.session_id}", json={"title": "Told on the updates"})
        muted.set()
        expect(here.turns.last).to_have_attribute("aria-busy", "false")
        expect(here.turns.last.locator(".prose")).to_have_text("before behind")
        expect(here.page.get_by_role("heading", level=1)).to_have_text("Told on the updates")
        here.page.close()
    assert here.complaints == []


def test_a_session_that_was_made_anew_elsewhere_is_loaded_once(scripted, client):
    for number in range(3):
        scripted.say(f"hello {number}")
        expect(scripted.turns).to_have_count(number + 1)
        expect(scripted.turns.last).to_have_attribute("aria-busy", "false")
    with scripted.page.expect_event("requestfailed", lambda request: "/api/updates" in request.url):
        scripted.page.evaluate(SET_HIDDEN, True)
    client.request("DELETE", f"/api/sessions/{client.session_id}")
    client.ask("hello anew", app="scripted")
    loads = counted_loads(scripted.page)
    scripted.page.evaluate(SET_HIDDEN, False)
    expect(scripted.said.locator(".words")).to_have_text(["hello anew"])
    expect(scripted.turns).to_have_count(1)
    await_updates(scripted.page, client)
    assert [one.response().status for one in loads] == [404, 200]  # the thread that it showed is gone


def test_a_page_that_opens_loads_its_session_once(profile, webs, client, key):
    client.ask("hello", app="scripted")
    profile.add_init_script(f"sessionStorage['aomi.key'] ??= {key!r}")
    here = Playground.of(profile.new_page(), webs[0])
    loads = counted_loads(here.page)
    here.open(client.session_id)
    await_updates(here.page, client)
    assert [one.response().status for one in loads] == [200]
    here.page.close()


def test_a_session_that_was_deleted_while_nobody_looked_is_gone(scripted, client):
    scripted.say("hello")
    expect(scripted.turns.last).to_have_attribute("aria-busy", "false")
    with scripted.page.expect_event("requestfailed", lambda request: "/api/updates" in request.url):
        scripted.page.evaluate(SET_HIDDEN, True)
    client.request("DELETE", f"/api/sessions/{client.session_id}")
    scripted.page.evaluate(SET_HIDDEN, False)
    expect(scripted.page.get_by_text("This session was deleted. This is a new one.")).to_be_visible()
    expect(scripted.said).to_have_count(0)
