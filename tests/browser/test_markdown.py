"""Markdown that grows while it streams: in the end as if it had come at once, and what has ended stays as it is."""

from __future__ import annotations

import random
import re

import pytest
from playwright.sync_api import expect

from tests.support.patience import until
from tests.support.servers import StepwiseText, Text

TEXTS = [
    "# One\n\n## Two\n\ntext\n### Three\n\nSetext\n===\n\nmore",
    "- a\n- b\n\n- loose\n  - inner\n\n1. one\n\n2. two\n\n   behind it\n\nend",
    "```python\nprint('```')\n\n\nx = 1\n```\n\n~~~\nnot closed\n\n# no heading",
    "| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |\n\n> quoted\n> > deeper\n\nlazy\n---\n",
    "see [one] and [two][1]\n\nbetween\n\n[one]: https://one.example\n[1]: https://two.example 'title'\n\nend",
    "> [a]: https://a.example\n\n- x\n\n  [b]: https://b.example\n\none\n\ntwo\n\nthree\n\nsee [a] and [b] end\n",
    "<b>bold</b> <i>x\n\n<kbd>K</kbd>\n\n<script>1</script>\n\n![picture](https://a.example/b.png)\n\nend",
    "line\r\nend\r\n\r\n- [x] done\r\n- [ ] open\r\n\r\n***\r\n",
    "a  \nb\\\nc\n\n    indented\n\n    code\n\n\\[x\\] &amp; ~~gone~~ https://auto.example\n",
]
COMPARE = """async ([texts]) => {
  const { MarkdownView } = await import("/playground/views/markdown_view.js");
  const shown = (text, piece) => {
    const element = document.createElement("div");
    const view = new MarkdownView(element);
    for (let end = piece; end < text.length; end += piece) view.show(text.slice(0, end), { isGrowing: true });
    view.show(text, { isGrowing: true });
    view.show(text);
    return element.innerHTML;
  };
  const forms = (text, piece) => [shown(text, piece), shown(text, text.length), shown(text, 1e9)];
  return texts.flatMap((text) => [1, 5].map((piece) => forms(text, piece)));
}"""

ARE_MARKED = """async (one) => {
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
  return [...one.querySelectorAll("pre span")].every((each) => each.mark);
}"""
"""Whether colours are still those that were marked, also after the frames in which code that is seen gets them."""


def test_a_text_that_has_streamed_is_as_one_that_came_at_once(here):
    different = [forms for forms in here.page.evaluate(COMPARE, [TEXTS]) if len(set(forms)) != 1]
    assert different == []


PARTS = [
    *(part for text in TEXTS if "<script>" not in text for part in re.split(r"(?<=\n\n)", text)),
    *("\n", "   behind\n\n", "    four\n", "\tb\n", "- x\n", "2. y\n\n", "+ z\n", "> q\n", "* * *\n", "===\n", "---\n"),
    *(
        "```\n",
        "~~~\n",
        "<div>\n",
        "</div>\n\n",
        "<!-- c\n",
        "-->\n",
        "|---|\n",
        "| a |\n",
        "[1]",
        "[^1]: note\n",
        "**b",
        "`c",
    ),
]


def structure(html):
    """Without colours, which come as code is seen, and without spaces at the end of an element."""
    return re.sub(r"</?span[^>]*>|\s+(?=<)", "", html)


def test_a_text_of_any_parts_that_has_streamed_is_as_one_that_came_at_once(here):
    chance = random.Random(19)
    texts = ["".join(chance.choices(PARTS, k=chance.randint(3, 16))) for _ in range(300)]
    forms = here.page.evaluate(COMPARE, [texts])
    assert [each for each in forms if len(set(map(structure, each))) != 1] == []


PLAIN = [
    *(text for text in TEXTS if "<script>" not in text),
    "[a](https://a.example/b?c=1&d=%20é 'a \"title\"') [b](/here) [c](javascript:x) [d](mailto:a@b.example)",
    "[e](<https://a b>) <https://auto.example/&amp;> me@mail.example www.plain.example [](https://empty.example)",
    "[\ud800](https://half.example/\ud800)",
    "&copy; &amp;lt; &#60;b&#62; &nosuch; &copy `&amp;` AT&T [&lt;](https://x.example/?a&lt;b) \\&amp; \\<b> a < b > c",
    "1. a\n   - [x] b\n\n     c\n   - [ ] d\n2. e\n\n   ```js\n   f(`<b>`)\n   ```\n\n3) g\n4) h\n\n7. i\n",
    "| a | `b|c` | **d** |\n|:--|:-:|--:|\n| \\| | [e](https://e.example) ~~f~~ |\n\n| only | a head |\n|---|---|\n",
    "> # h\n>\n> ```\n> code\n> ```\n> - a\n> | t |\n> |---|\n> | 1 |\n\n***bold _and_ em***  \nnext\\\nlast `` ` ``",
]
AS_PARSED = """async ([texts]) => {
  const { MarkdownView } = await import("/playground/views/markdown_view.js");
  const { Marked } = await import("/playground/vendor/marked.esm.js");
  const { default: purify } = await import("/playground/vendor/purify.es.mjs");
  const SAFE = ["align", "checked", "start", "type"];
  const ALLOWED = { ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i, ADD_URI_SAFE_ATTR: SAFE };
  const KEPT = new Set(["align", "checked", "href", "start", "title"]);
  const shape = (root) => {
    for (const box of root.querySelectorAll(".blocks, div.scrolling")) box.replaceWith(...box.childNodes);
    for (const code of root.querySelectorAll(".code")) code.replaceWith(code.querySelector("pre"));
    for (const one of root.querySelectorAll("*")) {
      if (one.checked) one.setAttribute("checked", "");
      for (const { name } of [...one.attributes]) if (!KEPT.has(name)) one.removeAttribute(name);
    }
    return root.innerHTML.replaceAll(/\\s*\\n\\s*(?=<)|(?<=>)\\s*\\n/g, "").trim();
  };
  const asParsed = (text) => {
    const marked = new Marked({ gfm: true, breaks: true });
    const html = marked.parse(text).replaceAll(/<img src="([^"]*)" alt="([^"]*)"[^>]*>/g, '<a href="$1">$2</a>');
    const root = document.createElement("div");
    root.append(purify.sanitize(html, { RETURN_DOM_FRAGMENT: true, ...ALLOWED }));
    return shape(root);
  };
  const asShown = (text) => {
    const root = document.createElement("div");
    new MarkdownView(root).show(text);
    return shape(root);
  };
  return texts.map((text) => [asShown(text), asParsed(text)]);
}"""
CODES = [
    ["js", "const a = `${b < 1 && \"c\"}`; // 'd' &amp; <e>\n"],
    ["html", "<p class='a'>&lt;b&gt;<script>let c = \"d\";</script><style>e { color: #fff }</style></p>"],
    ["python", "def f(x: int) -> str:\n    return f\"<{x!r}> & {{}}\"  # 'c'\n"],
    ["css", "@media print { #a > .b:hover::after { content: url('c') !important; width: calc(1px + 2em) } }"],
    ["nosuch", '<span class="hljs-keyword">not</span>'],
]
AS_COLOURED = """async ([codes]) => {
  const [{ highlight, loadHighlighter }, { default: purify }] = await Promise.all(
    ["views/highlighting.js", "vendor/purify.es.mjs"].map((name) => import(`/playground/${name}`)),
  );
  await loadHighlighter();
  purify.removeAllHooks(); // they let no text of a model have such classes
  const { default: library } = await import("/playground/vendor/highlight.min.js");
  const rules = [...document.styleSheets].flatMap(({ cssRules }) => [...cssRules]);
  const colours = rules.map(({ selectorText }) => selectorText).filter((rule) => rule?.includes(".hljs-"));
  return codes.map(([language, code]) => {
    const [root, parsed] = [document.createElement("div"), document.createElement("div")];
    root.append(...(highlight(code, language) ?? []));
    const html = library.getLanguage(language) ? library.highlight(code, { language }).value : "";
    parsed.append(purify.sanitize(html, { RETURN_DOM_FRAGMENT: true }));
    for (const part of parsed.querySelectorAll("span")) {
      if (!colours.some((rule) => part.matches(rule))) part.replaceWith(...part.childNodes);
    }
    return [root.innerHTML, parsed.innerHTML];
  });
}"""


def test_elements_are_those_that_a_parser_of_html_makes(here):
    made = [*here.page.evaluate(AS_PARSED, [PLAIN]), *here.page.evaluate(AS_COLOURED, [CODES])]
    assert [ours for ours, _ in made] == [theirs for _, theirs in made]


def test_blocks_that_have_ended_stay_the_same_elements(scripted, provider):
    answer = StepwiseText(["First.\n\n```js\nlet a = 1;\n", "let b = 2;\n```\n\nThen", " more.\n\n", "Last."])
    provider.script("in blocks", answer.answer)
    scripted.say("in blocks")
    prose = scripted.turns.last.locator(".prose")
    answer.send()
    expect(prose.locator("pre")).to_contain_text("let a")
    prose.evaluate("(one) => one.querySelectorAll('p, pre').forEach((each) => (each.mark = true))")
    answer.send()
    expect(prose.locator("pre .hljs-keyword")).to_have_text(["let", "let"])
    prose.evaluate("(one) => one.querySelectorAll('pre span').forEach((each) => (each.mark = true))")
    for text in ("more", "Last."):
        answer.send()
        expect(prose).to_contain_text(text)
    expect(scripted.turns.last).to_have_attribute("aria-busy", "false")
    assert prose.evaluate(ARE_MARKED)
    assert prose.evaluate("(one) => [...one.querySelectorAll('p, pre')].map((each) => Boolean(each.mark))") == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.long
def test_code_has_colours_and_its_text_is_copied_without_them(scripted, provider, profile):
    profile.grant_permissions(["clipboard-read", "clipboard-write"])
    code = 'def f(x):\n    return "<b>" + x  # a comment\n'
    hostile = "```html\n<img src=x onerror=\"document.title='owned'\">\n```\n\n```unknown-language\nfree\n```"
    provider.script(
        "code", [Text([f"```python\n{code}```\n\n{hostile}\n\n- in a list:\n\n  ```js\n  let a = 1;\n  ```\n"])]
    )
    scripted.say("code")
    blocks = scripted.turns.last.locator(".code")
    expect(blocks).to_have_count(4)
    expect(blocks.first.locator(".hljs-keyword")).to_have_text(["def", "return"])
    expect(blocks.first.locator(".hljs-comment")).to_have_text("# a comment")
    expect(blocks.nth(1).locator(".hljs-attr")).to_have_text(["src", "onerror"])
    expect(blocks.nth(2).locator("code")).to_have_text("free")
    expect(blocks.nth(3).locator(".hljs-keyword")).to_have_text("let")
    blocks.first.hover()
    blocks.first.get_by_role("button", name="Copy the code").click()
    assert scripted.page.evaluate("navigator.clipboard.readText()") == code.rstrip("\n")
    assert "owned" not in scripted.page.title()


def test_a_wide_table_scrolls_and_its_words_stay_whole(scripted, provider):
    cells = " | ".join(f"Column{number}" for number in range(12))
    provider.script("wide", [Text([f"| {cells} |\n|{'---|' * 12}\n| {cells} |\n"])])
    scripted.page.set_viewport_size({"width": 360, "height": 700})
    scripted.say("wide")
    table = scripted.turns.last.get_by_role("group", name="Table")
    expect(table).to_be_visible()
    assert table.evaluate("(one) => one.scrollWidth > one.clientWidth")
    assert table.evaluate("(one) => one.querySelector('th').offsetHeight") < 60
    expect(scripted.turns.last).to_have_attribute("aria-busy", "false")  # its end may cut a smooth step short
    table.press("ArrowRight")
    until(lambda: table.evaluate("(one) => one.scrollLeft") > 0)
