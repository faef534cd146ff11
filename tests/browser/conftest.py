"""Fixtures: one Chromium for the folder; each test a profile of its own, with one tab that must not complain."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.support.browser import Playground, browsing
from tests.support.client import Client


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture
def profile(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1100, "height": 760})
    yield context
    context.close()


@pytest.fixture
def tab(profile: BrowserContext, webs: tuple[str, str]) -> Iterator[Callable[[], Playground]]:
    """Opens one more tab of the profile."""
    tabs: list[Playground] = []

    def another() -> Playground:
        tabs.append(Playground.of(profile.new_page(), webs[0]))
        return tabs[-1]

    yield another
    for one in tabs:  # a handler that fails while its page closes would fail the next test
        if not one.page.is_closed():
            one.page.unroute_all(behavior="ignoreErrors")
    assert [complaint for one in tabs for complaint in one.complaints] == []


@pytest.fixture
def here(tab: Callable[[], Playground]) -> Playground:
    """The page, with a new conversation."""
    return tab().open()


@pytest.fixture
def scripted(tab: Callable[[], Playground], profile: BrowserContext, client: Client, key: str) -> Playground:
    """The page, with a conversation with the app `scripted`: `client` has the same session."""
    return _open(tab(), profile, client, key, "scripted")


@pytest.fixture
def seeing(tab: Callable[[], Playground], profile: BrowserContext, client: Client, key: str) -> Playground:
    """The page, with a conversation with a model that takes images and PDF."""
    return _open(tab(), profile, client, key, "seeing")


def _open(page: Playground, profile: BrowserContext, client: Client, key: str, app: str) -> Playground:
    client.post("/api/sessions", json={"app": app})
    profile.add_init_script(f"sessionStorage['aomi.key'] ??= {key!r}")
    return page.open(client.session_id)
