"""The programs of docs/front-ends.md, and its pages in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page

from tests.clients.npm import HERE, program
from tests.support import processes
from tests.support.backend import ROOT
from tests.support.browser import browsing

FRONT_ENDS = HERE / "front_ends"
"""The packages of assistant-ui and CopilotKit, which pnpm installs."""

_ENTRY = """
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import Page from "./chat";
createRoot(document.getElementById("root")).render(createElement(Page));
"""
_HTML = (
    '<!doctype html><title>Chat</title><link rel="stylesheet" href="page.css">'
    '<div id="root"></div><script type="module" src="page.js"></script>'
)
_SWITCHES = (
    *("--bundle", "--splitting", "--format=esm", "--minify", "--jsx=automatic", "--log-level=error"),
    *("--loader:.woff=empty", "--loader:.woff2=empty", "--loader:.ttf=empty"),
    *('--define:process.env.NEXT_PUBLIC_BACKEND=""', '--define:process.env.NODE_ENV="production"'),
)


def documented(language: str, section: str = "") -> list[str]:
    """The blocks in a language, of the whole page or of one section."""
    page = (ROOT / "docs/front-ends.md").read_text()
    if section:
        page = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def bundled(folder: Path, sources: Mapping[str, str], packages: Path = HERE) -> Path:
    """The folder of the page whose default export is that of the source `chat`, with its packages."""
    esbuild = program("esbuild/bin/esbuild")
    program("installed", packages)
    for name, source in ({"page.js": _ENTRY} | sources).items():
        (folder / name).write_text(source)
    (folder / "node_modules").symlink_to(packages / "node_modules")
    output = folder / "page"
    processes.run([esbuild, folder / "page.js", f"--outdir={output}", *_SWITCHES], check=True)
    (output / "index.html").write_text(_HTML)
    (output / "page.css").touch()
    return output


class Tabs:
    """Tabs of one person with a bundled page, on the origin of a web process: its server passes the backend's paths on.
    `complaints` are what the page threw."""

    def __init__(self, context: BrowserContext, page: Path, url: str) -> None:
        self.complaints: list[str] = []
        self._context, self._address = context, f"{url}/page/index.html"
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.route("**/page/*", lambda route: route.fulfill(path=page / Path(urlsplit(route.request.url).path).name))

    def open(self) -> Page:
        """A tab that has loaded the page."""
        tab = self._context.new_page()
        tab.goto(self._address)
        return tab


@contextmanager
def tabs(page: Path, url: str) -> Iterator[Tabs]:
    """A browser for tabs with a page."""
    with browsing() as browser:
        yield Tabs(browser.new_context(), page, url)


@contextmanager
def opened(page: Path, url: str) -> Iterator[Page]:
    """One such tab. Nothing that the page threw is left unsaid."""
    with tabs(page, url) as opening:
        yield opening.open()
        assert opening.complaints == []
