"""How the page is served: types, policy, caching, switched off, and what is in it of others."""

from __future__ import annotations

import hashlib
import re

import pytest

from app import create_app
from app.config import Settings
from app.services import build
from tests.support.document import ROOT

FILES = ROOT / "app/pages/static/playground"


def site(**settings):
    return create_app(build(Settings(config=ROOT / "aomi.yaml", **settings))).test_client()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/playground/main.js", "text/javascript; charset=utf-8"),
        ("/playground/session/session.js", "text/javascript; charset=utf-8"),
        ("/playground/vendor/purify.es.mjs", "text/javascript; charset=utf-8"),
        ("/playground/base.css", "text/css; charset=utf-8"),
        ("/playground/icon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_every_file_has_its_type_and_the_policy(path, kind):
    answer = site().get(path)
    assert (answer.status_code, answer.content_type) == (200, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
    assert "unsafe" not in policy


def test_a_copy_that_is_still_good_is_not_sent_again():
    first = site().get("/playground/main.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = site().get("/playground/main.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("path", ["/", "/playground/main.js"])
def test_it_can_be_switched_off(path):
    answer = site(playground=False).get(path)
    assert (answer.status_code, list(answer.get_json())) == (404, ["error"])


@pytest.mark.parametrize("name", ["../config.py", "..%2fconfig.py", "vendor", "none.js"])
def test_nothing_else_is_served(name):
    assert site().get(f"/playground/{name}").status_code == 404


def test_nothing_in_the_page_needs_inline_code_or_another_server():
    page = (FILES / "index.html").read_text()
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?![^>]*\ssrc=)|https?://|src=\"//", page)


def test_libraries_of_others_are_as_their_makers_published_them():
    page = (FILES / "vendor/README.md").read_text()
    listed = re.findall(r"^\| `([\w.]+)` .* `([0-9a-f]{64})` \|$", page, re.MULTILINE)
    assert {name for name, _ in listed} == {path.name for path in FILES.glob("vendor/*js")}
    for name, digest in listed:
        assert hashlib.sha256((FILES / "vendor" / name).read_bytes()).hexdigest() == digest
        assert (FILES / "vendor" / f"{name.split('.')[0]}.LICENSE").exists()


def test_scripts_are_small_files():
    own = [path for path in FILES.rglob("*.js") if path.parent.name != "vendor"]
    sizes = {str(path.relative_to(FILES)): len(path.read_text().splitlines()) for path in own}
    assert "session/session.js" in sizes
    del sizes["words.js"]  # a list
    assert max(sizes.values()) < 250, sizes
