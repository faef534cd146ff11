"""Blocks that a fast text moves out of the window before they are seen: laid out when the reader comes near."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_long_answers import SECTION
from tests.browser.test_reading_place import SELECTED, TO_END
from tests.support.browser import Playground
from tests.support.patience import until
from tests.support.servers import StepwiseText

pytestmark = pytest.mark.exhaustive

PARTS = 30
SKIPPED = "[...document.querySelectorAll('.blocks')].filter((one) => one.style.contentVisibility === 'auto').length"
UP = """async () => {
  const root = document.querySelector("#scroll"), groups = [...document.querySelectorAll("#log .blocks")];
  const blocks = groups.flatMap((group) => [...group.children]);
  const { top, bottom } = root.getBoundingClientRect();
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const isSeen = (one) => one.getBoundingClientRect().bottom > top && one.getBoundingClientRect().top < bottom;
  const found = { jumps: [], late: [], plain: [] };
  while (root.scrollTop > 0) {
    root.scrollTop -= 200;
    found.late.push(...groups.filter((group) => group.style.contentVisibility && isSeen(group)));
    const seen = blocks.find((one) => one.getBoundingClientRect().top > 100);
    const before = seen.getBoundingClientRect().top;
    await frame();
    found.jumps.push(Math.abs(seen.getBoundingClientRect().top - before));
    const codes = blocks.filter((one) => one.matches(".code") && isSeen(one));
    found.plain.push(...codes.filter((one) => !one.querySelector("pre span")));
  }
  const { jumps, late, plain } = found;
  return { steps: jumps.length, jump: Math.max(...jumps), late: late.length, plain: plain.length };
}"""
"""Scrolls to the beginning: how far what one sees has moved by itself, and how much in the window was not
laid out, or was code without colours."""
FOUND = """() => {
  const group = getSelection().anchorNode.parentElement.closest(".blocks");
  return group.style.contentVisibility === "" && group.contains(getSelection().focusNode) && getSelection().toString();
}"""


def parts(first: int, end: int) -> str:
    return "".join(SECTION.format(number) for number in range(first, end))


@pytest.fixture
def answered(scripted, provider) -> Callable[..., Playground]:
    """The page with a text that came in two drawings, the second one with much; `between` is called before it."""

    def answer(between: Callable[[], object] = lambda: None) -> Playground:
        text = StepwiseText([parts(0, 3), parts(3, PARTS), "The last words."])
        provider.script("a fast text", text.answer)
        scripted.say("a fast text")
        text.send()
        expect(scripted.page.get_by_role("heading", name="Part 2", exact=True)).to_be_visible()
        until(lambda: scripted.page.evaluate(TO_END) < 2)
        between()
        text.send()
        expect(scripted.turns.last).to_contain_text(f"Part {PARTS - 1}")
        text.finish()
        expect(scripted.turns.last).to_have_attribute("aria-busy", "false")
        expect(scripted.turns.last).to_contain_text("The last words.")
        return scripted

    return answer


def test_what_passes_unseen_is_laid_out_when_the_reader_comes_near_and_nothing_jumps(answered):
    page = answered().page
    assert page.evaluate(TO_END) < 2
    assert page.evaluate(SKIPPED) > PARTS / 3
    up = page.evaluate(UP)
    assert up.pop("steps") > PARTS
    assert up.pop("jump") < 2
    assert up == {"late": 0, "plain": 0}
    assert page.evaluate(SKIPPED) == 0


def test_what_passed_unseen_is_found_and_copied(answered):
    page = answered().page
    before = page.evaluate(SKIPPED)
    expect(page.get_by_role("heading", name="Part 9", exact=True)).to_have_attribute("aria-level", "4")
    page.evaluate("getSelection().removeAllRanges()")
    assert page.evaluate("window.find('one thing of part 9')")
    until(lambda: page.evaluate(FOUND) == "one thing of part 9")
    assert page.evaluate(SKIPPED) < before
    selected = page.evaluate(SELECTED)
    assert all(f"Part {part}" in selected for part in range(PARTS))


def test_nothing_is_skipped_below_one_who_reads_further_up(answered, scripted):
    def read_further_up() -> None:
        scripted.page.locator("#scroll").hover()
        scripted.page.mouse.wheel(0, -300)
        until(lambda: scripted.page.evaluate(TO_END) > 200)
        expect(scripted.button("Jump to the latest")).to_be_visible()

    assert answered(read_further_up).page.evaluate(SKIPPED) == 0


def test_a_text_that_is_loaded_whole_is_laid_out_whole(answered):
    here = answered()
    here.page.reload()
    expect(here.turns.last).to_contain_text("The last words.")
    assert here.page.evaluate(SKIPPED) == 0
