"""Files that a person attaches at the page."""

from __future__ import annotations

from playwright.sync_api import FilePayload, Locator, expect

from tests.support.browser import Playground


def file(name: str, data: bytes = b"prices: 42", kind: str = "text/plain") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": data}


def choose(page: Playground, *files: FilePayload) -> None:
    """By the button and the browser's own dialog."""
    with page.page.expect_file_chooser() as dialog:
        page.button("Attach files").click()
    dialog.value.set_files(list(files))


def saving(page: Playground, name: str) -> Locator:
    """The button that saves a file; its size is part of its name, too."""
    return page.page.get_by_role("button", name=f"Save {name}")


def ready(page: Playground, count: int) -> None:
    """Waits until so many files are uploaded."""
    expect(page.page.locator(".chip[data-state=ready]")).to_have_count(count)


def loaded(picture: Locator) -> None:
    """Waits until the picture shows its pixels."""
    expect(picture).to_have_js_property("complete", True)
    expect(picture).not_to_have_js_property("naturalWidth", 0)
