"""axe finds nothing to complain about, whatever is on the page."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import expect

from tests.clients import npm
from tests.support.attaching import choose, file, ready
from tests.support.images import PDF, PNG
from tests.support.servers import Calls, Held, Text, Thoughts

pytestmark = pytest.mark.exhaustive

RUN = """async () => (await axe.run()).violations.map(
  ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)}`
)"""


@pytest.fixture(scope="module")
def axe():
    return npm.program("axe-core/axe.min.js").read_text()


@pytest.fixture
def complaints(axe):
    """What axe complains about on a page now."""

    def found(page):
        page.page.evaluate(axe)
        return page.page.evaluate(RUN)

    return found


@pytest.mark.parametrize(
    ("scheme", "width"), [pytest.param("light", 1100, marks=pytest.mark.exhaustive), ("dark", 320)]
)
def test_nothing_is_wrong_with_files_thoughts_versions_and_what_waits(seeing, provider, complaints, scheme, width):
    gate, page = threading.Event(), seeing
    provider.script("of axe", [Text(["one"])], [Thoughts(["Hm."]), Text(["# Two"])], [Thoughts(["Hm"]), Held(gate)])
    page.page.set_viewport_size({"width": width, "height": 760})
    page.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    choose(page, file("pixel.png", PNG, "image/png"), file("paper.pdf", PDF, "application/pdf"))
    ready(page, 2)
    assert complaints(page) == []

    page.say("of axe")
    expect(page.turns.last).to_contain_text("one")
    for answer in ("Two", "Thinking"):
        page.button("Regenerate this reply").click()
        expect(page.turns.last).to_contain_text(answer)
    page.page.locator("details.thought summary").click()
    page.say("this one waits")
    expect(page.button("Withdraw")).to_be_visible()
    assert complaints(page) == []

    gate.set()
    expect(page.page.get_by_role("group", name="Versions")).to_be_visible()
    page.button("Edit this message").first.click()
    assert complaints(page) == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1100)])
def test_nothing_is_wrong_with_examples_threads_search_facts_and_the_user_state(here, complaints, scheme, width):
    page = here.page
    page.set_viewport_size({"width": width, "height": 760})
    page.emulate_media(reduced_motion="reduce")
    page.evaluate("(scheme) => { document.documentElement.dataset.theme = scheme }", scheme)
    expect(page.locator("#examples button")).to_have_count(2)
    assert complaints(here) == []

    here.say("What is the current price of ETH? Then the time in Asia/Tokyo, and Europe/Paris")
    page.locator(".facts-button").click()
    for summary in page.locator("details.card summary").all():
        summary.click()
    page.locator("#scroll").evaluate("(one) => one.scrollTo(0, 0)")
    assert complaints(here) == []

    page.locator("#edit-user-state").click()
    page.get_by_role("textbox", name="User state (JSON)").fill("{")
    here.button("Save").click()
    assert complaints(here) == []

    page.keyboard.press("Escape")
    if width < 768:
        here.button("Conversations").click()
    here.rows.first.locator(".row-title").focus()
    page.locator("button[aria-label^='New thread in']").click()
    if width < 768:
        here.button("Conversations").click()
    expect(page.get_by_role("list", name="Threads").locator("li")).to_have_count(2)
    assert complaints(here) == []
    page.get_by_label("Search in conversations").fill("nowhere")
    assert complaints(here) == []
    wide = "[...document.querySelectorAll('html, main, header, #scroll, .foot, .side')]"
    assert page.evaluate(f"Math.max(...{wide}.map((one) => one.scrollWidth - one.clientWidth))") <= 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("scheme", "width"), [pytest.param("dark", 1100, marks=pytest.mark.exhaustive), ("light", 320)]
)
def test_nothing_is_wrong_with_code_and_events(scripted, provider, complaints, scheme, width):
    code = "```python\nprint(1)  # one\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    provider.script("coloured", [Text([code]), Calls([("Add", {"a": 1, "b": 2})])], [Text(["end"])])
    scripted.page.set_viewport_size({"width": width, "height": 760})
    scripted.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    scripted.say("coloured")
    expect(scripted.turns.last.locator(".hljs-comment")).to_be_visible()
    assert complaints(scripted) == []
    scripted.button("Events").click()
    turn = scripted.page.locator("#events .of-turn").last
    for row in (turn.locator("li.sent").first, turn.locator("li.received", has_text="tool_call")):
        row.locator("summary").first.click()
    expect(turn.locator(".request-code .hljs-string").first).to_be_visible()
    assert complaints(scripted) == []
    scripted.page.get_by_label("Dialect").select_option(label="OpenAI")
    expect(turn.locator(".row-name", has_text="response.completed")).to_be_visible()
    assert complaints(scripted) == []
