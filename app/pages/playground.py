"""The playground: one page at `/`, made of static files. It uses only the public API."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, send_from_directory
from flask.typing import ResponseReturnValue

from app.openapi.declare import page

bp = Blueprint("playground", __name__)

FILES = Path(__file__).with_name("static") / "playground"

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
}
"""By suffix. Python's own table depends on the machine, and browsers refuse modules of a wrong type."""

HEADERS = {
    "Cache-Control": "no-cache",  # file names have no version: browsers must revalidate
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types dompurify"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
}


@bp.get("/")
@page
def show() -> ResponseReturnValue:
    """The page."""
    return file("index.html")


@bp.get("/playground/<path:name>")
@page
def file(name: str) -> ResponseReturnValue:
    """A file of the page."""
    response = send_from_directory(FILES, name, mimetype=TYPES.get(Path(name).suffix, "text/plain"))
    response.headers.update(HEADERS)
    return response
