"""Makes the pictures of docs/pictures out of the page as it is: `make pictures`.

Real processes, the scripted provider, the machine's Chromium; what is shown is what the browser tests test.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml
from playwright.sync_api import Browser, Page, expect

from tests.support.backend import ROOT, SEES, Backend, configuration, redis_running
from tests.support.browser import Playground, browsing
from tests.support.images import square
from tests.support.servers import Cut, PriceApi, Provider, Silence, Text, Thoughts, serving

FOLDER = ROOT / "docs/pictures"

ANSWER = """\
A **stop** ends the turn at once, also while the provider is silent:

| what | where it ends | kept |
|---|---|---|
| the stream | in every tab | all text so far |
| the provider's call | in the worker | nothing |

In JavaScript that is one request:

```js
await fetch(`/api/interrupt?session_id=${id}`, { method: "POST" });
```

The model sees the text so far in the next turn, so"""

STREAMING, FAILING = "How does a stop work?", "Tell me about retries"

LOOKING = "Which colour is this?"
THOUGHTS = "The picture is a square of one colour, with **no** text in it."

SIZES = {"": (1180, 760), "-320": (320, 640)}


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of a backend whose provider is scripted."""
    provider = Provider()
    provider.script(STREAMING, [Text([ANSWER]), Silence(30)])
    provider.script(FAILING, [Text(["A model call that fails before its first token is tried again, then"]), Cut()])
    answers = [Text(["It is red."])], [Thoughts([THOUGHTS]), Text(["All of it is red, `#ff0000`."])]
    provider.script(LOOKING, *answers * 3)  # in each scheme and size
    with ExitStack() as stack:
        redis_url = stack.enter_context(redis_running(folder))
        config = folder / "aomi.yaml"
        config.write_text(yaml.safe_dump(_apps(stack.enter_context(serving(provider.handle)))))
        prices = stack.enter_context(serving(PriceApi().handle))
        settings = {"AOMI_CONFIG": str(config), "AOMI_PRICE_API_URL": prices, "TEST_API_KEY": "x", "AOMI_GRACE": "0"}
        backend = Backend(folder, redis_url, settings)
        stack.callback(backend.stop)
        backend.worker()
        yield backend.web()[1]


def _apps(provider_url: str) -> dict:
    """The tests' configuration with names as one would give them."""
    found = configuration(provider_url)
    for model, name in (("demo", "Demo assistant"), ("scripted", "GPT-4o")):
        entry = next(one for one in found["model_list"] if one["model_name"] == model)
        entry["model_info"] = {"display_name": name, "provider": "openai"} | SEES
    return found


def empty(here: Playground) -> None:
    expect(here.page.locator("#empty")).to_be_visible()


def tools(here: Playground) -> None:
    here.say("Watch the price of BTC 3 times every 0.3 seconds")
    expect(here.page.locator(".steps li")).to_have_count(2)
    here.say("What are the prices of ETH and BTC?")
    expect(here.turns.last).to_contain_text("97,000.50")
    expect(here.button("Stop the reply")).to_be_hidden()
    here.page.locator("details.card summary").first.click()
    here.page.locator("#scroll").evaluate("one => { one.scrollTop = 0 }")


def streaming(here: Playground) -> None:
    _scripted(here)
    here.say(STREAMING)
    expect(here.turns.last).to_contain_text("in the next turn, so")
    here.say("And with two tabs open?")
    expect(here.page.get_by_text("Waiting for the previous reply")).to_be_visible()


def error(here: Playground) -> None:
    _scripted(here)
    here.say(FAILING)
    expect(here.page.locator(".failure")).to_be_visible()


def versions(here: Playground) -> None:
    _scripted(here)
    here.page.locator("#files").set_input_files([{"name": "red.png", "mimeType": "image/png", "buffer": square(160)}])
    expect(here.page.locator(".chip[data-state=ready]")).to_be_visible()
    here.say(LOOKING)
    expect(here.turns.last).to_contain_text("It is red.")
    here.button("Regenerate this reply").click()
    expect(here.page.get_by_role("group", name="Versions")).to_be_visible()
    here.page.locator(".thought summary").click()


def _scripted(here: Playground) -> None:
    model = here.page.get_by_role("combobox", name="Model")
    model.select_option("scripted")
    expect(model).to_have_value("scripted")


SCENES = (empty, streaming, tools, versions, error)


def take(browser: Browser, url: str, scheme: str, size: str) -> None:
    """Every scene in one colour scheme and size."""
    width, height = SIZES[size]
    with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height}) as context:
        page = context.new_page()
        for scene in SCENES:
            scene(Playground.of(page, url).open())
            _shoot(page, FOLDER / f"{scene.__name__}-{scheme}{size}.png")


def _shoot(page: Page, path: Path) -> None:
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=path, animations="disabled", caret="hide")
    print(path.relative_to(ROOT), path.stat().st_size // 1024, "KiB")


def main() -> None:
    os.environ.setdefault("CI", "true")  # a picture that cannot be made is a failure
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as url, browsing() as browser:
        for scheme, size in (("light", ""), ("dark", ""), ("light", "-320")):
            take(browser, url, scheme, size)


if __name__ == "__main__":
    sys.exit(main())
