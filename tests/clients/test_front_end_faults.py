"""The pages of docs/front-ends.md in a real Chromium while things go wrong: a person has two tabs, and the web process
is killed in the middle of an answer."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.clients.pages import FRONT_ENDS, bundled, documented, tabs
from tests.support.client import fetch
from tests.support.line import line_to
from tests.support.patience import until
from tests.support.servers import Calls, Fail, StepwiseText, Text

pytestmark = pytest.mark.exhaustive


@dataclass(frozen=True)
class FrontEnd:
    """How a person uses a page: where are its answers, the calls of tools that it shows, and an error. It has `bubbles`
    for each turn of two messages."""

    answers: str
    bubbles: int
    calls: str = "pre"
    error: str = "[role=alert]"
    box: str = "[aria-label=Message]"
    button: str = "button:text-is('Send')"
    stop: str = "button:text-is('Stop')"

    def send(self, page: Page, text: str) -> None:
        page.locator(self.box).fill(text)
        page.locator(self.button).click()

    def has(self, page: Page, text: str) -> None:
        """Wait until the last answer has the text."""
        expect(page.locator(self.answers).last).to_contain_text(text)


ASSISTANT_UI = FrontEnd("[data-message-id]", 2)
COPILOTKIT = FrontEnd(
    "[data-testid=copilot-assistant-message]",
    1,
    calls="",
    error="",
    box="[data-testid=copilot-chat-textarea]",
    button="[data-testid=copilot-send-button]:not(:has(.lucide-square))",
    stop="[data-testid=copilot-send-button]:has(.lucide-square)",
)
PAGES = {
    "useChat": FrontEnd("article.assistant", 1),
    "assistant-ui over the AI SDK": ASSISTANT_UI,
    "assistant-ui over AG-UI": ASSISTANT_UI,
    "CopilotKit": COPILOTKIT,
}


@pytest.fixture(params=PAGES)
def name(request):
    return request.param


@pytest.fixture
def bundle(name, tmp_path):
    if name == "useChat":
        return bundled(tmp_path, {"chat.tsx": documented("tsx", "AI SDK")[0]})
    if name == "CopilotKit":
        return bundled(tmp_path, {"chat.jsx": documented("jsx", "CopilotKit")[0]}, FRONT_ENDS)
    thread, *pages = documented("tsx", "assistant-ui")
    return bundled(tmp_path, {"thread.tsx": thread, "chat.tsx": pages[name.endswith("AG-UI")]}, FRONT_ENDS)


def test_a_second_tab_a_web_that_is_killed_200_calls_a_stop_in_the_other_tab_and_a_failure(
    name, bundle, backend, webs, provider
):
    front_end = PAGES[name]
    dying, url = backend.web()
    with line_to(url) as line, tabs(bundle, line.url) as browser:
        first = browser.open()
        use_the_scripted_model(webs[1], first, front_end)
        held = StepwiseText(["It begins", " and goes on", " to its end."])
        front_end.send(first, provider.script(f"outlives a web process in {name}", held.answer))
        held.send()
        front_end.has(first, "It begins")
        both = (first, browser.open())
        held.send()
        for tab in both:
            front_end.has(tab, "It begins and goes on")
        line.lead_to(webs[0])
        dying.kill()
        for tab in both:
            tab.reload()
            front_end.has(tab, "It begins and goes on")
        held.finish()
        for tab in both:
            front_end.has(tab, "It begins and goes on to its end.")
            expect(tab.locator(front_end.answers)).to_have_count(front_end.bubbles)
        has_200_calls(front_end, both, provider.script(f"asks 200 times in {name}", *CALLS, [Text(["All told."])]))
        is_stopped_in_the_other_tab(front_end, both, provider, f"is stopped in {name}")
        says_a_failure(front_end, first, provider.script(f"fails in {name}", [Fail(401)]), provider)
        front_end.send(first, provider.script(f"works again in {name}", [Text(["There it is."])]))
        front_end.has(first, "There it is.")
    assert set(browser.complaints) <= {"network error"}  # of the connections that broke off


CALLS = [[Calls([("GetCurrentTime", {})] * 50)] for _ in range(4)]


def has_200_calls(front_end, both, text):
    first, second = both
    front_end.send(first, text)
    front_end.has(first, "All told.")
    second.reload()
    for tab in both:
        front_end.has(tab, "All told.")
        if front_end.calls:
            expect(tab.locator(front_end.calls)).to_have_count(200)


def is_stopped_in_the_other_tab(front_end, both, provider, text):
    first, second = both
    held = StepwiseText(["It goes", " on for ever"])
    front_end.send(first, provider.script(text, held.answer))
    held.send()
    front_end.has(first, "It goes")
    second.reload()
    front_end.has(second, "It goes")
    second.locator(front_end.stop).click()
    until(provider.requests(text)[0].hung_up.is_set, what="the end of the model call")


def says_a_failure(front_end, page, text, provider):
    front_end.send(page, text)
    until(lambda: provider.requests(text), what="the request that fails")
    if front_end.error:
        expect(page.locator(front_end.error)).to_contain_text("provider")


def use_the_scripted_model(url, page, front_end):
    """For the turns of the page's chat: its app is `default`."""
    expect(page.locator(front_end.box)).to_be_visible()
    session = {"X-Session-Id": page.evaluate("localStorage.chat ?? localStorage.thread")}
    assert fetch(f"{url}/api/sessions", "POST", headers=session).status_code == 200
    chosen = fetch(f"{url}/api/control/model", "POST", headers=session, json={"model": "scripted"})
    assert chosen.status_code == 200, chosen.text
