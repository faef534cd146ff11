"""What a long answer costs the browser: its CPU, as Chromium itself counts it. `pytest -s` prints it in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from app import exact_json
from app.state import redis_keys
from app.state.conversation import transcript
from tests.support.patience import patient
from tests.support.servers import Text

pytestmark = pytest.mark.exhaustive

SECTION = """## Part {0}

A paragraph with **bold**, *emphasis*, `code` and a [link](https://example.org/{0}), as models write them, long
enough to fill a line or two on most screens, and then some more of it.

- one thing of part {0}
- another one, with `code`
  - and a smaller one

| Coin | Price | Change |
|---|---:|---|
| ETH | 3,500.0{0} | up |
| BTC | 97,000.50 | down |

```python
def part_{0}(values: list[int]) -> int:
    \"\"\"Say what it does.\"\"\"
    return sum(value * {0} for value in values if value > 3)
```

1. first
2. second

> A quotation that closes the part.

"""
LENGTH = 100_000
PIECE = 50
CPU_SECONDS = 2.0
"""Of a machine that is not busy; it takes about one. Before blocks were drawn once, it was ten times as much."""
STREAM_SECONDS = 1.2
"""Of the same text that streams and whose end is followed; it takes about half a second."""


@contextmanager
def counting(page: Page) -> Iterator[dict[str, float]]:
    """Counts, once it is over, the seconds of CPU of the page's main thread: `own` without what the test itself asks,
    and parts of it."""
    counted: dict[str, float] = {}
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    yield counted
    counted |= {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    counted["own"] = counted["TaskDuration"] - counted["DevToolsCommandDuration"]
    session.detach()


def long_answer() -> str:
    text = "".join(SECTION.format(number) for number in range(LENGTH // len(SECTION) + 1))
    return text[:LENGTH] + "\n\nThe last words."


DRAWINGS = 200
DRAW = """async ([text, drawings]) => {
  const { MarkdownView } = await import("/playground/views/markdown_view.js");
  const element = document.createElement("div");
  element.className = "prose";
  document.querySelector("#log").after(element); // inside, the next drawing of the page would remove it
  const view = new MarkdownView(element);
  for (let drawn = 1; drawn <= drawings; drawn++) {
    view.show(text.slice(0, (text.length * drawn) / drawings), { isGrowing: drawn < drawings });
    element.getBoundingClientRect();
    await new Promise((resolve) => setTimeout(resolve));
  }
  return element.lastElementChild.lastElementChild.textContent;
}"""
"""Draws a text that grows, with its layout each time."""


def test_a_long_answer_is_drawn_in_little_time(scripted, figure):
    with counting(scripted.page) as counted:
        assert scripted.page.evaluate(DRAW, [long_answer(), DRAWINGS]) == "The last words."
    print({name: round(value, 2) for name, value in counted.items() if "Duration" in name or name == "own"})
    figure(counted["own"])
    assert counted["own"] < patient(CPU_SECONDS)


WATCH = """() => {
  window.ended = new Promise((resolve) => {
    const observer = new MutationObserver((changes) => {
      if (changes.some(({ target, oldValue }) => oldValue === "true" && target.ariaBusy === "false")) resolve();
    });
    const options = { subtree: true, attributeFilter: ["aria-busy"], attributeOldValue: true };
    observer.observe(document.querySelector("#log"), options);
  });
}"""
"""Has the page itself note the end of a turn: to be asked again and again would cost it CPU."""


def test_a_long_answer_streams_smoothly(scripted, provider, figure):
    text = long_answer()
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    provider.script("a long answer", [Text(pieces, pause=0.002)])
    scripted.page.evaluate(WATCH)
    with counting(scripted.page) as counted:
        scripted.say("a long answer")
        scripted.page.evaluate("() => window.ended")
    used = counted["own"]
    print({name: round(value, 2) for name, value in counted.items() if value < 100 and value})
    expect(scripted.turns.last).to_contain_text("The last words.")
    figure(used)
    assert used < patient(STREAM_SECONDS)


LENGTH_OF_CONVERSATION = 5000
SECONDS_UNTIL_SHOWN = 2.0
"""From the reload on, on a machine that is not busy; it takes about half a second."""


def test_a_long_conversation_opens_with_its_last_messages(scripted, client, provider, redis, figure):
    provider.script("the last question", [Text(["the last answer"])])
    client.ask("the last question", app="scripted")
    key = redis_keys.messages(client.session_id, client.state()["thread_id"])
    redis.lpush(key, *[exact_json.dumps(stored(number)) for number in reversed(range(LENGTH_OF_CONVERSATION))])
    with counting(scripted.page) as counted:
        until_shown = scripted.seconds_until_shown("the last answer")
    print(until_shown, {name: round(value, 2) for name, value in counted.items() if value < 100 and value})
    figure(until_shown)
    assert until_shown < patient(SECONDS_UNTIL_SHOWN)


def stored(number: int) -> transcript.Message:
    at = "2026-01-01T00:00:00.000Z"
    if number % 2:
        return transcript.message(f"run_{number}-0", "assistant", SECTION.format(number), at)
    return transcript.message(f"msg_{number}", "user", f"question {number}", at)
