"""Files are pasted and dropped; texts are not taken for files."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import expect

from tests.support.attaching import loaded, ready
from tests.support.images import PNG

pytestmark = pytest.mark.exhaustive

FIRE = """([kind, selector, text, files]) => {
  const data = new DataTransfer();
  if (text) data.setData('text/plain', text);
  for (const { name, type, bytes } of files) {
    data.items.add(new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], name, { type }));
  }
  const more = { bubbles: true, cancelable: true };
  const event = kind === 'paste' ? new ClipboardEvent(kind, { clipboardData: data, ...more })
    : new DragEvent(kind, { dataTransfer: data, ...more });
  return !document.querySelector(selector).dispatchEvent(event);
}"""
"""Pastes or drags files as a person would. Whether the page has taken the event."""


def fire(page, kind, selector, *files, text=""):
    sent = [{"name": n, "type": k, "bytes": base64.b64encode(data).decode()} for n, data, k in files]
    return page.page.evaluate(FIRE, [kind, selector, text, sent])


def test_a_pasted_picture_is_attached_and_a_pasted_text_is_text(seeing):
    assert fire(seeing, "paste", "#message", ("image.png", PNG, "image/png"))
    ready(seeing, 1)
    assert not fire(seeing, "paste", "#message", ("image.png", PNG, "image/png"), text="of a spreadsheet")
    assert not fire(seeing, "paste", "#key", ("image.png", PNG, "image/png"))
    assert fire(seeing, "paste", "main", ("image.png", PNG, "image/png"))
    ready(seeing, 2)


def test_files_can_be_dropped_anywhere(seeing):
    target = seeing.page.get_by_text("Drop files to attach them")
    fire(seeing, "dragenter", "main", ("pixel.png", PNG, "image/png"))
    expect(target).to_be_visible()
    fire(seeing, "dragleave", "#drop")
    expect(target).to_be_hidden()
    fire(seeing, "dragenter", "main", ("pixel.png", PNG, "image/png"))
    assert fire(seeing, "drop", "#drop", ("pixel.png", PNG, "image/png"))
    expect(target).to_be_hidden()
    ready(seeing, 1)
    loaded(seeing.page.locator(".chip img"))
    expect(seeing.box).to_be_focused()


def test_text_that_is_dragged_is_no_file(seeing):
    assert not fire(seeing, "dragenter", "main", text="words")
    expect(seeing.page.locator("#drop")).to_be_hidden()
