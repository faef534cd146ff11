"""The side: conversations are made, named, put away and deleted; app, model and key are chosen."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.exhaustive


@pytest.fixture
def two(here):
    """The page with two conversations, `remember two` open."""
    here.say("remember one")
    expect(here.rows).to_have_text(["remember one"])
    here.page.keyboard.press("Alt+n")
    here.say("remember two")
    expect(here.rows).to_have_text(["remember two", "remember one"])
    return here


def test_a_first_message_lists_the_conversation_under_its_words(two):
    expect(two.page.get_by_role("heading", level=1)).to_have_text("remember two")
    expect(two.button("remember two")).to_have_attribute("aria-current", "page")
    expect(two.page).to_have_title("remember two · aomi")


def test_one_goes_from_one_to_the_other_and_back_by_the_browser(two):
    two.button("remember one").click()
    expect(two.said).to_contain_text("remember one")
    two.page.go_back()
    expect(two.said).to_contain_text("remember two")


def test_renaming_one_keeps_its_new_title(two):
    two.rows.first.hover()
    two.button("Rename: remember two").click()
    two.page.get_by_label("New title").fill("Numbers")
    two.page.keyboard.press("Enter")
    expect(two.rows).to_have_text(["Numbers", "remember one"])
    expect(two.page.get_by_role("heading", level=1)).to_have_text("Numbers")
    two.page.reload()
    expect(two.rows).to_have_text(["Numbers", "remember one"])


def test_escape_leaves_the_title_as_it_was(two):
    two.rows.first.hover()
    two.button("Rename: remember two").click()
    two.page.get_by_label("New title").fill("Numbers")
    two.page.keyboard.press("Escape")
    expect(two.rows).to_have_text(["remember two", "remember one"])
    expect(two.button("remember two")).to_be_focused()


def test_an_archived_one_is_put_away_and_can_be_taken_out(two):
    two.rows.last.hover()
    two.button("Archive: remember one").click()
    expect(two.rows).to_have_text(["remember two"])
    two.page.get_by_text("Archived", exact=True).click()
    archived = two.page.get_by_role("list", name="Archived conversations").locator("li")
    expect(archived).to_have_text(["remember one"])
    archived.hover()
    two.button("Take out of the archive: remember one").click()
    expect(two.rows).to_have_text(["remember two", "remember one"])


def test_deleting_asks_first(two):
    two.button("Delete: remember two").click()
    expect(two.button("Keep")).to_be_focused()
    two.page.keyboard.press("Escape")
    expect(two.rows).to_have_count(2)
    two.button("Delete: remember two").click()
    two.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(two.rows).to_have_text(["remember one"])
    expect(two.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()


def test_a_conversation_that_is_no_more_says_so(tab, client):
    client.ask("remember 1")
    page = tab().open(client.session_id)
    client.request("DELETE", f"/api/sessions/{client.session_id}")
    expect(page.page.locator("#notices")).to_contain_text("This session was deleted")
    expect(page.page.locator("#empty")).to_be_visible()


def test_another_model_answers_from_the_next_message_on(here, provider):
    here.page.get_by_role("combobox", name="Model").select_option("scripted")
    expect(here.page.get_by_role("combobox", name="Model")).to_have_value("scripted")
    here.say("which model is this?")
    expect(here.turns.last).to_contain_text("ok")
    assert provider.requests("which model is this?")
    here.page.reload()
    expect(here.page.get_by_role("combobox", name="Model")).to_have_value("scripted")


def test_a_message_sent_right_after_a_choice_waits_for_it(here, provider):
    chosen = []
    here.intercept("**/api/control/model*", lambda route: chosen.append(route))  # held back
    with here.page.expect_request("**/api/control/model*"):
        here.page.get_by_role("combobox", name="Model").select_option("scripted")
    here.say("is it chosen?")
    expect(here.said).to_contain_text("is it chosen?")
    chosen[0].continue_()
    expect(here.turns.last).to_contain_text("ok")
    assert provider.requests("is it chosen?")


def test_a_key_opens_apps_and_their_models(here, key, provider):
    field = here.page.get_by_role("textbox", name="API key")
    expect(here.page.get_by_role("combobox", name="App").locator("option")).to_have_text(["Default"])
    field.fill(key)
    field.press("Enter")
    expect(here.page.locator("#key-hint")).to_contain_text("This key opens")
    here.page.get_by_role("combobox", name="App").select_option("scripted")
    expect(here.page.get_by_role("combobox", name="Model").locator("option")).to_have_count(2)
    here.say("hello with a key")
    expect(here.turns.last).to_contain_text("ok")
    assert provider.requests("hello with a key")


def test_a_key_that_nobody_knows_is_said_to_be_wrong(here):
    field = here.page.get_by_role("textbox", name="API key")
    field.fill("aomi_nobody")
    field.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(here.page.locator("#key-hint")).to_contain_text("aomi keys create")
    here.say("hello")
    expect(here.page.get_by_role("alert")).to_contain_text("Enter an API key")
    here.button("Enter a key").click()
    expect(field).to_be_focused()


def test_the_key_is_kept_for_the_tab_and_not_in_the_browser(here, key):
    field = here.page.get_by_role("textbox", name="API key")
    field.fill(key)
    field.press("Enter")
    expect(here.page.locator("#key-hint")).to_contain_text("This key opens")
    assert key not in here.page.evaluate("JSON.stringify(localStorage)")
    here.page.reload()
    expect(here.page.locator("#key-hint")).to_contain_text("This key opens")
