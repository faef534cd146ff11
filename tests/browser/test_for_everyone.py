"""By keyboard alone, by ear, in the dark, on a small screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => rgb(colour)
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const probe = document.body.appendChild(document.createElement('p'));
  const value = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const contrast = (one, other) => {
    const [high, low] = [light(value(one)), light(value(other))].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const grounds = ['ground', 'raised', 'side', 'sunk', 'tint'];
  const pairs = ['text', 'soft'].flatMap((text) => grounds.map((ground) => [text, ground]));
  pairs.push(['accent', 'ground'], ['accent', 'raised'], ['accent', 'sunk'], ['on-accent', 'accent']);
  pairs.push(['bad', 'bad-tint']);
  pairs.push(['text', 'bad-tint'], ['good', 'sunk'], ['warm', 'sunk'], ['ground', 'bad'], ['ground', 'text']);
  return pairs.map((pair) => [pair.join(' on '), contrast(...pair)]);
}"""

NAMELESS = """() => [...document.querySelectorAll('button, input, select, textarea, a, summary, [tabindex="0"]')]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.getAttribute('aria-label') || one.labels?.length || one.innerText?.trim()))
  .map((one) => one.outerHTML)"""


def test_all_of_it_can_be_done_by_keyboard(here):
    press = here.page.keyboard.press
    here.page.keyboard.type("What is the current price of ETH?")
    press("Enter")
    expect(here.turns.last).to_contain_text("$3,500.00.")
    press("Shift+Tab")
    for _ in range(6):
        if here.page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
        press("Shift+Tab")
    press("Enter")
    expect(here.page.get_by_role("group", name="Arguments")).to_be_visible()
    press("/")
    expect(here.box).to_be_focused()
    press("Alt+n")
    expect(here.page.locator("#empty")).to_be_visible()
    here.page.keyboard.type("remember 7")
    press("Enter")
    expect(here.rows).to_have_count(2)
    here.button("remember 7").focus()
    press("ArrowDown")
    press("Enter")
    expect(here.said).to_contain_text("What is the current price of ETH?")
    expect(here.box).to_be_focused()


def test_shift_enter_makes_a_line_and_sends_nothing(here):
    here.box.press_sequentially("one")
    here.box.press("Shift+Enter")
    here.box.press_sequentially("two")
    expect(here.box).to_have_value("one\ntwo")
    expect(here.said).to_have_count(0)


@pytest.mark.long
def test_an_answer_is_read_out_once_when_it_is_whole(here):
    spoken = here.page.locator("#status")
    here.say("remember 42")
    expect(spoken).to_have_text("Reply: I will remember 42.")
    expect(spoken).to_have_attribute("aria-live", "polite")
    expect(here.page.get_by_role("log")).to_have_attribute("aria-live", "off")
    here.say("count to 900")
    expect(here.turns.last).to_contain_text("1 2")
    here.page.keyboard.press("Escape")
    expect(spoken).to_have_text("Stopped")


def test_parts_of_the_page_are_named_and_so_is_every_control(here):
    here.say("What is the current price of ETH?")
    expect(here.turns.last).to_contain_text("$3,500.00.")
    here.page.locator("details.card summary").click()
    here.page.keyboard.press("Alt+e")
    page = here.page
    for role, name in (("navigation", "Conversations"), ("log", "Messages"), ("complementary", "Raw events")):
        expect(page.get_by_role(role, name=name)).to_be_visible()
    expect(page.get_by_role("main")).to_be_visible()
    expect(page.get_by_role("article").get_by_role("heading", level=3)).to_have_text(["You", "Assistant"])
    assert page.evaluate(NAMELESS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(here, scheme):
    here.page.emulate_media(color_scheme=scheme)
    poor = [pair for pair in here.page.evaluate(CONTRAST) if pair[1] < 4.5]
    assert poor == []
    dark = here.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 21, 24)"
    assert dark is (scheme == "dark")


@pytest.mark.long
def test_nothing_is_wider_than_a_screen_of_320_pixels(here, provider):
    here.page.set_viewport_size({"width": 320, "height": 600})
    here.say("remember " + "x" * 200)
    expect(here.turns.last).to_contain_text("I will remember")
    here.say("What is the current price of ETH?")
    here.page.locator("details.card summary").click()
    boxes = "[...document.querySelectorAll('html, main, header, #scroll, .foot')]"
    assert here.page.evaluate(f"Math.max(...{boxes}.map((one) => one.scrollWidth))") <= 320
    expect(here.page.get_by_role("navigation")).to_be_hidden()
    here.button("Conversations").click()
    expect(here.button("New conversation")).to_be_focused()
    here.page.keyboard.press("Escape")
    expect(here.page.get_by_role("navigation")).to_be_hidden()
    expect(here.button("Conversations")).to_be_focused()
