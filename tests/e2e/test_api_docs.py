"""/docs: the API as a page, with nothing from elsewhere, in a real browser."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from app.pages import api_docs
from tests.support import processes
from tests.support.browser import chromium
from tests.support.client import PLAIN
from tests.support.document import ROOT, made
from tests.support.patience import patient

FOLDER = ROOT / "app/pages/static/apidocs"
OURS = [path for path in FOLDER.iterdir() if path.is_file()]


@pytest.fixture(scope="module")
def web(webs):
    with httpx.Client(base_url=webs[0], timeout=patient(30), **PLAIN) as http:
        yield http


def parts_of(page: str) -> list[str]:
    """What the page loads, as it names it."""
    return re.findall(r'<(?:script src|link rel="stylesheet" href)="([^"]+)"', page)


def test_the_page_and_all_that_it_loads_are_served_as_what_they_are(web):
    page = web.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    loaded = [web.get(f"/{name}") for name in parts_of(page.text)]
    assert [part.status_code for part in loaded] == [200] * 4
    assert {part.headers["content-type"] for part in loaded} == {
        "text/css; charset=utf-8",
        "text/javascript; charset=utf-8",
    }
    assert all(part.headers["x-content-type-options"] == "nosniff" for part in [page, *loaded])


def test_a_browser_keeps_what_names_its_version_and_asks_again_for_the_rest(web):
    for name in ["docs", *parts_of(web.get("/docs").text)]:
        answer = web.get(f"/{name}")
        control = answer.headers["cache-control"]
        assert control == ("public, max-age=31536000, immutable" if "swagger-ui-5" in name else "no-cache"), name
        assert web.get(f"/{name}", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_nothing_may_be_loaded_from_elsewhere_or_written_into_the_page(web):
    policy = web.get("/docs").headers["content-security-policy"]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    assert rules["default-src"] == ["'none'"]
    assert {source for sources in rules.values() for source in sources} == {"'none'", "'self'", "data:"}
    assert [name for name, sources in rules.items() if "data:" in sources] == ["img-src"]


def test_what_we_wrote_names_no_other_host():
    assert OURS
    for path in OURS:
        assert "//" not in re.sub(r"^// .*$", "", path.read_text(), flags=re.MULTILINE), path


@pytest.mark.parametrize("name", ["page.html", "nothing.js", "..%2fapi%2fdocs.py", "swagger-ui-5.35.0"])
def test_there_is_nothing_else_under_it(web, name):
    answer = web.get(f"/docs/{name}")
    assert (answer.status_code, list(answer.json())) == (404, ["error"])


def test_the_viewer_is_whole_and_has_its_licence_beside_it():
    assert {path.name for path in (FOLDER / api_docs.VIEWER).iterdir()} == {
        "LICENSE",
        "NOTICE",
        "swagger-ui-bundle.js",
        "swagger-ui-bundle.js.LICENSE.txt",
        "swagger-ui.css",
    }


def test_in_a_browser_it_shows_every_operation_and_breaks_no_rule(webs, tmp_path):
    """No other host can be reached, and the browser's log has no word of a breach of the policy."""
    ran = processes.run(
        [
            chromium(),
            *("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
            *(f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000"),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            *("--dump-dom", f"{webs[0]}/docs"),
        ],
        seconds=90,
    )
    assert ":CONSOLE" not in ran.stderr, ran.stderr
    shown = re.findall(r'class="opblock-summary-method">(\w+)<.*?data-path="([^"]+)"', ran.stdout, re.DOTALL)
    operations = [(method.upper(), path) for path, methods in made()["paths"].items() for method in methods]
    assert sorted((method, unescape(path)) for method, path in shown) == sorted(operations)
