"""All words of the page are in one file, words.js: a copy of it in another language is a page in that language."""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.support.document import ROOT
from tests.support.javascript import Literal, literals
from tests.support.programs import needed

FILES = ROOT / "app/pages/static/playground"
WORDS = FILES / "words.js"
MODULES = sorted(path for path in FILES.rglob("*.js") if path.parent.name != "vendor" and path != WORDS)

SHOWN = {"alt", "aria-description", "aria-label", "hint", "innerText", "label", "placeholder", "textContent", "title"}
"""Attributes, properties and variables whose text a person reads."""

SHOWING = {
    **dict.fromkeys(("announce", "showNotice", "hiddenHeading", "copyButton", "append", "prepend"), 0),
    **dict.fromkeys(("replaceChildren", "Error", "SyntaxError"), 0),
    **dict.fromkeys(("setText", "iconButton"), 1),
    "el": 2,
}
"""Functions that show texts, and the first argument that is one."""

CLASSES = {"iconButton": 3, "copyButton": 2}
"""The argument of such a function that has class names."""

LOOKS_UP = {"$", "addEventListener", "closest", "get", "includes", "matches", "matchMedia", "querySelector"}
LOOKS_UP |= {"querySelectorAll", "startsWith"}
"""Functions that look for their argument, which is a name, a selector or a part of a protocol."""

NAMES = {"HEADINGS", "className", "rel"}
"""Properties and variables that have class names, relations or selectors."""

AS_PEOPLE_WRITE = re.compile(r"[^\W\d_]\S*\s|\s\S*[^\W\d_]|(?<![\w-])[A-Z][a-z]")
"""Several words, or one with a capital."""

OTHERS = {
    ("session/update_events.js", "This session was deleted"): "how the server's notice begins",
    ("views/request_forms.js", "User rejected"): "goes to the tool, as wallets say it",
    ("views/wire_rows.js", "event: "): "Server-Sent Events",
    ("views/wire_rows.js", "id: "): "Server-Sent Events",
    ("views/wire_rows.js", "data: "): "Server-Sent Events",
    ("wire/api.js", "Bearer "): "HTTP",
}
"""Texts that are no words of the page, and what they are."""

CODE = {"wire/request_code.js"}
"""Files that make code in other languages."""


def is_read(literal: Literal) -> bool:
    """Whether a person reads it: it is where texts are shown, or it is written as people write."""
    place, text = literal.place, literal.text
    goes_to = place.key or place.assigned
    is_compared = literal.before in ("===", "!==", "case")
    is_imported = literal.before in ("from", "import")
    is_name = (literal.is_name and " " not in text) or goes_to in NAMES or CLASSES.get(place.call) == place.index
    if not re.search(r"[^\W\d_]", text) or is_compared or is_imported or is_name or place.call in LOOKS_UP:
        return False
    if place.call == "setAttribute":
        return place.index > 0 and place.first in SHOWN
    is_shown = goes_to in SHOWN or place.index >= SHOWING.get(place.call, 99)
    return is_shown or bool(AS_PEOPLE_WRITE.search(text))


def words_in(source: str) -> list[str]:
    return [literal.text for literal in literals(source) if is_read(literal)]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('button.textContent = "Save"', ["Save"]),
        ('button.textContent = isOpen ? "close" : "open"', ["close", "open"]),
        ('const text = "Save"', ["Save"]),
        ("setText(note, count > 1 ? `${count} files` : 'one')", [" files", "one"]),
        ('el("p", { className: "hint small" }, "later", el("b", {}, `step ${number}`))', ["later", "step "]),
        ('el("input", { type: "text", placeholder: "name", "aria-label": label })', ["name"]),
        ('iconButton("trash", `Delete: ${title}`, () => remove(id), "quiet small")', ["Delete: "]),
        ('element.setAttribute("aria-label", "menu")', ["menu"]),
        ('const LABELS = { up: "Good reply", "Tokens read": read }', ["Good reply", "Tokens read"]),
        ('throw new Error("too long")', ["too long"]),
        ('// "A comment"\n/* "Another" */ const rest = text.replace(/"Some" [/"] text/g, "");', []),
        ('element.classList.add("is-open"); element.setAttribute("class", "icon large");', []),
        ('import { el } from "./Dom File.js"; root.querySelector("form Label"); headers["Content-Type"] = type;', []),
        ('if (event.key === "Escape" && a / b > c / d) state = "done"; fetch(`/api/x?id=${n}`, { method: "GET" })', []),
    ],
)
def test_a_word_is_told_from_a_name(code, words):
    assert words_in(code) == words


def test_no_other_module_has_words():
    names = {path.relative_to(FILES).as_posix(): path for path in MODULES}
    found = {(name, text) for name, path in names.items() if name not in CODE for text in words_in(path.read_text())}
    assert found - set(OTHERS) == set(), "put these words into words.js"
    assert set(OTHERS) - found == set(), "these are no longer there"


class Texts(HTMLParser):
    """The texts of a page that a person reads; code is as it is in every language."""

    def __init__(self, page: str):
        super().__init__()
        self.found: set[str] = set()
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        self.found |= {value for name, value in attrs if value and name in SHOWN}

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside != "code" and re.search(r"[^\W\d_]", data):
            self.found.add(data.strip())


def exported() -> dict:
    """What words.js exports, functions as their code."""
    show = "console.log(JSON.stringify({ WORDS, PAGE }, (_, one) => typeof one === 'function' ? String(one) : one))"
    run = [needed("node"), "--input-type=module"]
    done = subprocess.run(run, input=f"{WORDS.read_text()}\n{show}", capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_words_of_the_html_are_in_the_file_too():
    page = exported()["PAGE"]
    assert set(page) == Texts((FILES / "index.html").read_text()).found
    assert page == {text: text for text in page}


def test_each_word_is_used():
    code = set(re.findall(r"\w+", "".join(path.read_text() for path in MODULES)))
    groups = {name: group for name, group in exported()["WORDS"].items() if isinstance(group, dict)}
    assert [f"{name}.{word}" for name, group in groups.items() for word in group if word not in code] == []


IN_CAPITALS = """
const inCapitals = (one) => {
  if (typeof one === "string") return one.toUpperCase();
  if (typeof one === "function") return (...values) => one(...values).toUpperCase();
  return Object.assign(one, Object.fromEntries(Object.entries(one).map(([name, value]) => [name, inCapitals(value)])));
};
inCapitals(WORDS);
inCapitals(PAGE);
"""

NOT_IN_CAPITALS = """(others) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [document.title];
  while (texts.nextNode()) if (!texts.currentNode.parentElement.closest(others)) found.push(texts.currentNode.data);
  for (const name of ["alt", "aria-label", "aria-description", "placeholder", "title"]) {
    const those = [...document.querySelectorAll(`[${name}]`)].filter((one) => !one.closest(others));
    found.push(...those.map((one) => one.getAttribute(name)));
  }
  return found.filter((text) => text !== text.toUpperCase());
}"""

OTHERS_WORDS = (
    ".prose, .words, #title, .row-title, #examples, #model, .card-name, .card-args, dd, "
    "code, pre, .json, .row-name, [data-choose=kind]"
)
"""Where the page shows what people, models and the server say."""


def test_a_page_in_another_language_has_no_english_left(tab, profile: BrowserContext):
    words = WORDS.read_text().replace('LANGUAGE = "en"', 'LANGUAGE = "nl"') + IN_CAPITALS
    profile.route("**/playground/words.js", lambda route: route.fulfill(body=words, content_type="text/javascript"))
    page = tab().open().page
    expect(page.locator("html")).to_have_attribute("lang", "nl")
    page.get_by_role("textbox", name="MESSAGE").fill("What is the current price of ETH?")
    page.get_by_role("button", name="SEND", exact=True).click()
    expect(page.locator(".facts-button")).to_be_visible()
    page.get_by_role("button", name="EVENTS", exact=True).click()
    page.locator(".sent > details").first.evaluate("(one) => (one.open = true)")
    expect(page.get_by_role("button", name="PYTHON", exact=True)).to_be_visible()
    assert page.evaluate(NOT_IN_CAPITALS, OTHERS_WORDS) == []
