"""How often the page draws while a reply streams: often enough to look like a stream, not for each piece of it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.servers import Text

DELAYS = """async ([durations, speed]) => {
  const { drawDelay } = await import("/playground/views/draw_pace.js");
  return durations.map((duration) => drawDelay({ duration, speed }));
}"""
COUNT = """() => {
  window.drawings = [];
  const seen = () => document.querySelector("#log .prose") && drawings.push(performance.now());
  const all = { subtree: true, childList: true, characterData: true };
  new MutationObserver(seen).observe(document.querySelector("#log"), all);
}"""
PIECES = 600
SHORTEST = 31  # milliseconds between two drawings: a timer may be one early


def test_drawings_take_a_small_part_of_the_time(here):
    durations = [0, 2, 4, 8, 20, 30, 100, 1000]
    assert here.page.evaluate(DELAYS, [durations, 5]) == [32, 32, 48, 96, 100, 120, 400, 500]
    assert here.page.evaluate(DELAYS, [durations, 25]) == [250, 250, 250, 250, 250, 250, 400, 500]


def test_the_pieces_of_a_fast_reply_are_drawn_together(scripted, provider):
    provider.script("fast", [Text([f"{number} " for number in range(PIECES)], pause=0.001)])
    scripted.page.evaluate(COUNT)
    scripted.say("fast")
    expect(scripted.turns.last).to_contain_text(f"{PIECES - 1}")
    drawings = scripted.page.evaluate("drawings")
    assert 2 <= len(drawings) <= (drawings[-1] - drawings[0]) / SHORTEST + 2
