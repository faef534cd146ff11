"""Makes the pictures of docs/pictures out of the page and the terminal as they are: `make pictures`.

Real processes, the scripted provider, the machine's Chromium; what is shown is what the browser tests test.
"""

from __future__ import annotations

import os
import re
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
from tests.support.moving_picture import Camera
from tests.support.servers import Calls, Cut, PriceApi, Provider, Silence, Text, Thoughts, serving
from tests.support.terminal import terminal
from tests.support.terminal_picture import draw

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

FILMED = "What is the price of ETH? And how does a stop work?"
FILM_SIZE = {"width": 880, "height": 600}

LOOKING = "Which colour is this?"
THOUGHTS = "The picture is a square of one colour, with **no** text in it."

SIZES = {"": (1180, 760), "-320": (320, 640)}


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of a backend whose provider is scripted."""
    provider = Provider()
    provider.script(STREAMING, [Text([ANSWER]), Silence(30)])
    provider.script(FAILING, [Text(["A model call that fails before its first token is tried again, then"]), Cut()])
    price = [Text(["I look up the price."]), Calls([("GetTokenPrice", {"symbol": "ETH"})])]
    words = re.findall(r"\S+\s*", "It is **$3,500.00**. " + ANSWER)
    provider.script(FILMED, price, [Text(words, pause=0.06), Silence(30)])
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
    """The tests' configuration with names as one would give them, and a tool that asks first."""
    found = configuration(provider_url)
    default = next(app for app in found["apps"] if app["id"] == "default")
    default |= {"tools": [*default["tools"], "RollDice"], "approve": ["RollDice"]}
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


def film(browser: Browser, url: str) -> None:
    """A question, a tool, a reply that streams, and a stop, as a moving picture."""
    with browser.new_context(color_scheme="light", viewport=FILM_SIZE) as context:
        page = context.new_page()
        here = Playground.of(page, url).open()
        _scripted(here)
        here.box.focus()
        camera = Camera(page)
        camera.shoot(800)
        camera.type(FILMED, 60)
        camera.shoot(500)
        here.box.press("Enter")
        reply = here.turns.last
        camera.film(lambda: reply.count() > 0 and "in the next turn, so" in reply.inner_text(), 90)
        camera.shoot(700)
        here.button("Stop the reply").click()
        expect(reply).to_contain_text("Stopped")
        camera.shoot(2500)
        _write("moving.webp", camera.developed())


def talk(url: str) -> None:
    """A conversation in the terminal: a tool, one that asks first, and an export."""
    environment = {**os.environ, "NO_COLOR": ""}
    with (
        tempfile.TemporaryDirectory() as folder,
        terminal(["-m", "app.commands.cli", "chat", "--url", url], environment) as chat,
    ):
        chat.prompt()
        chat.line("What is the current price of ETH?")
        chat.prompt()
        chat.line("Roll 2 dice")
        chat.wait("leaves it open: ")
        chat.line("y")
        chat.prompt()
        chat.line(f"/export {folder}/dice.md")
        chat.prompt()
        chat.line("/quit")
        chat.exit_code()
        shown = chat.raw.replace(f"{folder}/", "")
    shown = f"$ .venv/bin/aomi chat\n{re.sub(r'--session .*', '--session ...', shown)}"
    title = "aomi chat: a tool call and its result, a call that is approved, an export"
    _write("terminal.svg", draw(shown, title).encode())


def _write(name: str, content: bytes) -> None:
    (FOLDER / name).write_bytes(content)
    print(f"docs/pictures/{name}", len(content) // 1024, "KiB")


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
        film(browser, url)
        talk(url)


if __name__ == "__main__":
    sys.exit(main())
