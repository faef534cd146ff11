"""A person at the playground, in the machine's own Chromium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright

from tests.support.patience import patient, until
from tests.support.programs import missing

SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--in-process-gpu",  # this one and the next two: a new page needs no new process, a quarter of the time less
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
)
SOON = 15.0
"""Seconds that anything may take to appear."""


PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""Debian's names. The first one has no window at all: a page takes it a third of the time."""

NOTE_SHOWN = """new MutationObserver((_, watcher) => {
  if (![...document.querySelectorAll(".turn")].at(-1)?.textContent.includes(%s)) return;
  watcher.disconnect();
  performance.mark("shown");
}).observe(document, { subtree: true, childList: true });"""


def chromium() -> str:
    """The Chromium to test with. Without one: a skip, on CI a failure."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None) or missing("no chromium on this machine")


@contextmanager
def browsing() -> Iterator[Browser]:
    """The browser, headless."""
    program = chromium()
    expect.set_options(timeout=1000 * patient(SOON))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield browser
        browser.close()


@dataclass
class Playground:
    """One tab with the page. `complaints` are errors of its scripts, and what its policy has refused."""

    page: Page
    url: str
    complaints: list[str]

    @classmethod
    def of(cls, page: Page, url: str) -> Playground:
        complaints: list[str] = []
        page.set_default_timeout(1000 * patient(SOON))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if _is_complaint(line) else None)
        return cls(page, url, complaints)

    def open(self, session_id: str = "") -> Playground:
        """Load the page, a new conversation or a given one."""
        self.page.goto(f"{self.url}/#{session_id}" if session_id else f"{self.url}/")
        expect(self.page.locator("#loading")).to_be_hidden()
        return self

    def intercept(self, pattern: str, handler: Callable[[Route], object]) -> None:
        """Answer requests of a page that has loaded in the server's place, the next one already: Chromium says a little
        too early that it gives them up, a first one tells."""
        self.page.route("**/healthz", lambda route: route.fulfill(status=204))
        until(lambda: self.page.evaluate("fetch('/healthz').then((answer) => answer.status)") == 204)
        self.page.route(pattern, handler)

    def say(self, text: str) -> None:
        """Write a message and send it by Enter."""
        self.box.fill(text)
        self.box.press("Enter")

    def seconds_until_shown(self, text: str) -> float:
        """Load the page anew: the seconds until a reply has the text, as the page itself sees it. Playwright looks from
        time to time only."""
        self.page.add_init_script(NOTE_SHOWN % json.dumps(text))
        self.page.reload()
        expect(self.turns.last).to_contain_text(text)
        return float(self.page.evaluate("performance.getEntriesByName('shown')[0].startTime")) / 1000

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def box(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message")

    @property
    def said(self) -> Locator:
        """What the person has said."""
        return self.page.locator(".said")

    @property
    def turns(self) -> Locator:
        return self.page.locator(".turn")

    @property
    def rows(self) -> Locator:
        """The conversations at the side."""
        return self.page.locator("#sessions > li")

    @property
    def session_id(self) -> str:
        """That of the open conversation, once it is in the address."""
        until(
            lambda: len(self.page.evaluate("location.hash")) > 30
        )  # Playwright's own wait evals, which the page forbids
        return self.page.evaluate("location.hash.slice(1)")


def _is_complaint(line: Any) -> bool:
    return line.type == "error" and "Failed to load resource" not in line.text
