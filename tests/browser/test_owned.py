"""The page where sessions have owners: it asks for a token, and shows what is its user's on any device."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.browser import Playground
from tests.support.client import Client
from tests.support.tokens import SECRET, bearer, token

pytestmark = pytest.mark.long


def test_the_page_takes_a_token_and_shows_the_users_conversations(profile, backend, worker):
    url = backend.web(AOMI_JWT_SECRET=SECRET)[1]
    Client(url).post("/api/sessions", json={"title": "From my phone"}, headers=bearer("alice"))
    here = Playground.of(profile.new_page(), url).open()
    expect(here.page.get_by_role("alert").first).to_contain_text("token")
    field = here.page.get_by_role("textbox", name="API key or token")
    field.fill(token("alice"))
    field.press("Enter")
    expect(here.page.locator("#sessions > li")).to_contain_text(["From my phone"])
    here.say("hello with a token")
    expect(here.turns.last).to_contain_text("demo")
