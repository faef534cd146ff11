"""What people look for: the latest, a text to copy, a conversation by its words, a thread, the theme, a turn's cost."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import expect

from tests.support.patience import until
from tests.support.servers import Calls, Held, Text

BACK_AND_SAVE = """
addEventListener("popstate", () => document.querySelector("#user-state form").requestSubmit(), { once: true });
history.back();
"""
IS_DARK = "getComputedStyle(document.body).backgroundColor === 'rgb(20, 21, 24)'"


@pytest.mark.long
def test_a_button_leads_to_the_latest(here):
    here.page.set_viewport_size({"width": 500, "height": 420})
    here.say("count to 200")
    expect(here.turns.last).to_contain_text("199 200")
    jump = here.button("Jump to the latest")
    expect(jump).to_be_hidden()
    here.page.locator("#scroll").evaluate("(one) => one.scrollTo(0, 0)")
    jump.press("Enter")
    expect(jump).to_be_hidden()
    expect(here.box).to_be_focused()
    assert here.page.locator("#scroll").evaluate("(one) => one.scrollTop > 0")


@pytest.mark.exhaustive
def test_any_message_can_be_copied(here, profile):
    profile.grant_permissions(["clipboard-read", "clipboard-write"])
    here.say("remember 42")
    expect(here.turns.last).to_contain_text("I will remember 42.")
    copied = "navigator.clipboard.readText()"
    here.button("Copy this message").click()
    until(lambda: here.page.evaluate(copied) == "remember 42")
    here.button("Copy this reply").click()
    until(lambda: here.page.evaluate(copied) == "I will remember 42.")


@pytest.mark.long
def test_the_theme_is_chosen_kept_and_the_same_in_each_tab(here, tab):
    other = tab().open()
    here.page.emulate_media(color_scheme="light")
    here.page.get_by_label("Theme").select_option("Dark")
    until(lambda: here.page.evaluate(IS_DARK))
    until(lambda: other.page.evaluate(IS_DARK))
    here.page.reload()
    expect(here.page.get_by_label("Theme")).to_have_value("dark")
    assert here.page.evaluate(IS_DARK)


@pytest.mark.exhaustive
def test_a_closed_card_has_the_first_lines_of_the_arguments(scripted, provider):
    arguments = {"symbol": "ETH", "text": "two\nlines", "c": [1, 2], "d": 4}
    provider.script("with arguments", [Calls([("Nothing", arguments)])], [Text(["done"])])
    scripted.say("with arguments")
    lines = scripted.page.locator(".card-args")
    expect(lines).to_have_text("symbol: ETH\ntext: two lines\nc: [1,2]\n…")
    scripted.page.locator("details.card summary").click()
    expect(lines).to_be_hidden()


@pytest.mark.long
def test_a_search_finds_texts_of_conversations_that_were_never_opened(here, client):
    owner = here.page.evaluate("localStorage['aomi.owner']")
    client.post("/api/sessions", json={"public_key": owner, "title": "Elsewhere"})
    client.ask("remember 77")
    client.post(f"/api/sessions/{client.session_id}/threads")
    client.ask("remember 88")
    here.page.reload()
    expect(here.rows).to_have_count(1)
    box, found = here.page.get_by_label("Search in conversations"), here.page.locator("#found")
    box.fill("will remember 88")
    expect(found).to_have_text("1 found")
    box.fill("WILL 77.")
    expect(here.rows.locator(".snippet")).to_have_text("…will remember 77.")
    here.rows.locator(".row-title").click()
    expect(here.said.locator(".words")).to_have_text(["remember 77"])


@pytest.mark.long
def test_a_search_ends_when_texts_cannot_be_loaded_and_when_it_is_cleared(here, client):
    owner = here.page.evaluate("localStorage['aomi.owner']")
    client.post("/api/sessions", json={"public_key": owner, "title": "Elsewhere"})
    client.ask("remember 77")
    here.page.reload()
    expect(here.rows).to_have_count(1)
    box, found = here.page.get_by_label("Search in conversations"), here.page.locator("#found")
    here.intercept("**/threads/*/messages?*", lambda route: route.fulfill(status=500, json={"error": "broken"}))
    box.fill("will remember")
    expect(found).to_have_text("Nothing found. Some conversations could not be searched.")
    here.page.unroute_all()
    here.intercept("**/threads/*/messages?*", lambda _: None)
    with here.page.expect_request("**/threads/*/messages?*"):
        box.fill("remember 77")
    expect(found).to_have_text("Searching …")
    with here.page.expect_event("requestfailed"):
        box.press("Escape")
    expect(found).to_be_empty()
    expect(here.rows).to_have_count(1)


@pytest.mark.long
def test_a_search_finds_titles_and_texts(here):
    here.say("remember 11")
    expect(here.turns.last).to_contain_text("I will remember 11.")
    here.page.keyboard.press("Alt+n")
    here.say("What is the current price of ETH?")
    expect(here.turns.last).to_contain_text("$3,500.00.")
    expect(here.rows).to_have_count(2)
    box, found = here.page.get_by_label("Search in conversations"), here.page.locator("#found")
    box.fill("remember 11")
    expect(here.rows).to_have_text(["remember 11"])
    box.fill("will REMEMBER")
    expect(found).to_have_text("1 found")
    expect(here.rows.locator(".snippet")).to_contain_text("…will remember 11.")
    here.rows.locator(".row-title").click()
    expect(here.said).to_contain_text("remember 11")
    box.fill("nowhere to be found")
    expect(found).to_contain_text("Nothing found")
    box.press("Escape")
    expect(here.rows).to_have_count(2)


@pytest.mark.exhaustive
def test_a_conversation_that_runs_and_one_with_news_are_marked(here, client):
    here.say("count to 900")
    expect(here.turns.last).to_contain_text("1 2")
    row = here.rows.locator(".row-title", has_text="count to 900")
    expect(row).to_have_attribute("aria-description", "Running")
    session_id = here.session_id
    here.page.keyboard.press("Alt+n")
    expect(row).to_have_attribute("aria-description", "Running")
    client.post("/api/interrupt", headers={"X-Session-Id": session_id}).raise_for_status()
    expect(row).to_have_attribute("aria-description", "Unread")


@pytest.mark.long
def test_threads_of_a_session_are_opened_switched_and_deleted(here):
    here.say("remember 1")
    expect(here.turns.last).to_contain_text("I will remember 1.")
    here.rows.first.hover()
    here.button("New thread in: remember 1").click()
    threads = here.page.get_by_role("list", name="Threads").locator("li")
    expect(threads).to_have_count(2)
    expect(here.said).to_have_count(0)
    here.say("remember 2")
    expect(here.turns.last).to_contain_text("I will remember 2.")
    expect(here.said.locator(".words")).to_have_text(["remember 2"])
    threads.first.locator(".thread-title").click()
    expect(here.said.locator(".words")).to_have_text(["remember 1"])
    here.say("remember 3")
    expect(here.turns.last).to_contain_text("I will remember 3.")
    here.page.reload()
    expect(here.said.locator(".words")).to_have_text(["remember 1", "remember 3"])
    threads.last.hover()
    threads.last.locator("button[aria-label^=Delete]").click()
    here.button("Delete").click()
    expect(threads).to_have_count(0)
    expect(here.said.locator(".words")).to_have_text(["remember 1", "remember 3"])


@pytest.mark.exhaustive
def test_a_message_goes_to_the_thread_that_is_shown_when_another_tab_opens_one(here, tab):
    here.say("remember 1")
    expect(here.turns.last).to_contain_text("I will remember 1.")
    other = tab().open(here.session_id)
    other.rows.first.hover()
    other.button("New thread in: remember 1").click()
    expect(other.said).to_have_count(0)
    expect(here.page.get_by_role("list", name="Threads").locator("li")).to_have_count(2)
    here.say("remember 2")
    expect(here.turns.last).to_contain_text("I will remember 2.")
    here.page.get_by_role("list", name="Threads").locator(".thread-title").first.click()
    expect(here.said.locator(".words")).to_have_text(["remember 1", "remember 2"])
    expect(other.said).to_have_count(0)


@pytest.mark.exhaustive
def test_a_message_to_a_thread_that_was_deleted_elsewhere_goes_nowhere(here, client):
    here.say("remember 1")
    expect(here.turns.last).to_contain_text("I will remember 1.")
    path = f"/api/sessions/{here.session_id}/threads"
    client.post(path)
    client.request("DELETE", f"{path}/{client.get(path.removesuffix('/threads')).json()['threads'][0]['id']}")
    here.say("remember 2")
    expect(here.page.get_by_role("alert").filter(has_text="There is no such thread")).to_be_visible()
    expect(here.said).to_have_count(0)
    expect(here.box).to_have_value("remember 2")
    here.box.press("Enter")
    expect(here.turns.last).to_contain_text("I will remember 2.")


@pytest.mark.exhaustive
def test_a_turn_of_another_thread_is_not_shown_in_this_one(scripted, provider, client):
    gate = threading.Event()
    provider.script("elsewhere", [Text(["one "]), Held(gate), Text(["two"])])
    provider.script("here", [Text(["at home"])])
    path = f"/api/sessions/{client.session_id}/threads"
    first, second = [client.post(path).json()["id"] for _ in range(2)]
    with client.chat("elsewhere", thread_id=first):
        scripted.open(f"{client.session_id}/{second}")
        scripted.page.reload()
        expect(scripted.page.locator("#loading")).to_be_hidden()
        expect(scripted.turns).to_have_count(0)
        scripted.say("here")
        expect(scripted.page.get_by_text("Waiting for the previous reply")).to_be_visible()
        gate.set()
    expect(scripted.turns.locator(".prose")).to_have_text(["at home"])
    scripted.open(f"{client.session_id}/{first}")
    scripted.page.reload()
    expect(scripted.said.locator(".words")).to_have_text(["elsewhere"])
    expect(scripted.turns.locator(".prose")).to_have_text(["one two"])


@pytest.mark.long
def test_the_user_state_is_edited_and_what_is_wrong_with_it_is_said(here, client):
    here.say("remember 1")
    expect(here.turns.last).to_contain_text("I will remember 1.")
    here.button("User state").click()
    box = here.page.get_by_role("textbox", name="User state (JSON)")
    expect(box).to_have_value("{}")
    box.fill('{"chain_id": }')
    here.button("Save").click()
    expect(here.page.locator("#user-state-error")).to_contain_text(
        "The user state must be a JSON object (Unexpected token"
    )
    box.fill("[1]")
    here.button("Save").click()
    expect(here.page.locator("#user-state-error")).to_have_text("The user state must be a JSON object")
    expect(box).to_be_focused()
    box.fill('{"chain_id": 8453, "wei": 123456789012345678901}')
    here.button("Save").click()
    expect(box).to_be_hidden()
    here.page.reload()
    here.button("User state").click()
    expect(box).to_have_value('{\n  "chain_id": 8453,\n  "wei": 123456789012345678901\n}')


@pytest.mark.exhaustive
def test_an_open_user_state_is_never_saved_to_another_session(here):
    here.say("remember 1")
    expect(here.turns.last).to_contain_text("I will remember 1.")
    first = here.session_id
    here.page.keyboard.press("Alt+n")
    here.say("remember 2")
    expect(here.turns.last).to_contain_text("I will remember 2.")
    here.button("User state").click()
    box = here.page.get_by_role("textbox", name="User state (JSON)")
    box.fill('{"of": "the second"}')
    with here.page.expect_request("**/api/control/*") as saved:
        here.page.evaluate(BACK_AND_SAVE)
    assert here.session_id == first
    assert first not in saved.value.url
    expect(box).to_be_hidden()


def test_a_turn_says_what_it_took(scripted, provider):
    provider.script("priced", [Text(["one two three"])])
    scripted.say("priced")
    facts = scripted.page.locator(".facts-button")
    expect(facts).to_contain_text("tokens · $")
    facts.press("Enter")
    expect(scripted.page.locator("dl.facts")).to_contain_text("Modelscripted")
    scripted.page.reload()
    expect(facts).to_contain_text("tokens · $")
