"""The page of docs/front-ends.md: useChat of @ai-sdk/react, bundled as it stands there, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.clients.pages import bundled, documented, opened

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    (source,) = documented("tsx", "AI SDK")
    return bundled(tmp_path_factory.mktemp("page"), {"chat.tsx": source})


@pytest.fixture
def page(bundle, webs):
    with opened(bundle, webs[0]) as tab:
        yield tab


def test_the_page_streams_goes_on_after_a_reload_stops_and_asks_again(page):
    def send(text):
        page.get_by_label("Message").fill(text)
        page.get_by_role("button", name="Send").click()

    answers = page.locator("article.assistant")
    send("count to 10")
    expect(answers.last).to_have_text("1 2 3 4 5 6 7 8 9 10")
    send("count to 500")
    expect(answers.nth(1)).to_contain_text("7 8 9")
    page.reload()
    expect(answers.nth(1)).to_contain_text("1 2 3 4 5 6 7 8 9 10 11 12")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Again")).to_be_visible()
    stopped = answers.nth(1).inner_text()
    page.reload()
    expect(answers.nth(1)).to_have_text(stopped)
    expect(answers).to_have_count(2)
    page.get_by_role("button", name="Again").click()
    expect(answers.nth(1)).not_to_have_text(stopped)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
