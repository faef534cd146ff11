"""The place of a reader in a long reply: its end is followed, and what one has scrolled to stays where it is."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.test_long_answers import SECTION
from tests.support.patience import until
from tests.support.servers import StepwiseText

PIECES, SECTIONS = 4, 5  # the reply, and the parts of each piece: several groups of blocks
TO_END = """() => {
  const { scrollHeight, scrollTop, clientHeight } = document.querySelector("#scroll");
  return scrollHeight - scrollTop - clientHeight;
}"""
MARK = """() => {
  const blocks = [...document.querySelectorAll("#log .blocks > *")];
  const middle = blocks.find((one) => one.getBoundingClientRect().top > 300);
  middle.id = "marked";
  return middle.getBoundingClientRect().top;
}"""
PLACE = "document.querySelector('#marked').getBoundingClientRect().top"
JUMPS = """async () => {
  const root = document.querySelector("#scroll"), blocks = [...document.querySelectorAll("#log .blocks > *")];
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const jumps = [];
  while (root.scrollTop > 0) {
    root.scrollTop -= 400;
    const seen = blocks.find((one) => one.getBoundingClientRect().top > 100);
    const before = seen.getBoundingClientRect().top;
    await frame();
    jumps.push(Math.abs(seen.getBoundingClientRect().top - before));
  }
  return jumps;
}"""
"""How far what one sees moves by itself, at each step up to the beginning."""

SELECTED = """() => {
  getSelection().selectAllChildren(document.querySelector(".turn .prose"));
  return getSelection().toString();
}"""


@pytest.mark.exhaustive
def test_the_end_of_a_long_reply_is_followed_and_the_place_of_one_who_reads_further_up_is_kept(scripted, provider):
    pieces = ["".join(SECTION.format(piece * SECTIONS + part) for part in range(SECTIONS)) for piece in range(PIECES)]
    answer = StepwiseText([*pieces, "The last words."])
    provider.script("a long reply", answer.answer)
    page = scripted.page
    scripted.say("a long reply")
    for piece in range(2):
        answer.send()
        expect(page.get_by_role("heading", name=f"Part {(piece + 1) * SECTIONS - 1}")).to_be_visible()
        until(lambda: page.evaluate(TO_END) < 2)
    assert page.locator(".blocks").count() > 1
    page.locator("#scroll").hover()
    page.mouse.wheel(0, -1500)
    until(lambda: page.evaluate(TO_END) > 1400)
    expect(scripted.button("Jump to the latest")).to_be_visible()
    place = page.evaluate(MARK)
    answer.finish()
    expect(scripted.turns.last).to_have_attribute("aria-busy", "false")
    expect(scripted.turns.last).to_contain_text("The last words.")
    assert abs(page.evaluate(PLACE) - place) < 2
    scripted.button("Jump to the latest").click()
    until(lambda: page.evaluate(TO_END) < 2)
    jumps = page.evaluate(JUMPS)
    assert len(jumps) > 10
    assert max(jumps) < 2
    assert page.evaluate("window.find('The last words.', false, false, true)")
    selected = page.evaluate(SELECTED)
    assert "Part 0" in selected
    assert "The last words." in selected
