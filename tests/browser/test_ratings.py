"""A reply is rated, in every tab and after a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.servers import Text

pytestmark = pytest.mark.long


def button(page, name):
    return page.turns.last.get_by_role("button", name=name)


def test_a_rating_is_kept_changed_and_taken_back(scripted, provider):
    provider.script("rate me", [Text(["well?"])])
    scripted.say("rate me")
    expect(scripted.turns.last).to_have_attribute("aria-busy", "false")
    button(scripted, "Good reply").click()
    expect(scripted.page.locator("#status")).to_have_text("Rated")
    scripted.page.reload()
    expect(button(scripted, "Good reply")).to_have_attribute("aria-pressed", "true")
    button(scripted, "Bad reply").click()
    expect(button(scripted, "Good reply")).to_have_attribute("aria-pressed", "false")
    expect(button(scripted, "Bad reply")).to_have_attribute("aria-pressed", "true")
    button(scripted, "Bad reply").click()
    expect(scripted.page.locator("#status")).to_have_text("Rating taken back")
    scripted.page.reload()
    expect(button(scripted, "Bad reply")).to_have_attribute("aria-pressed", "false")
