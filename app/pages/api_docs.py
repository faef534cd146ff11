"""/docs: the OpenAPI document as a page to read and try. All its files are served by this process."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, send_file

from app.openapi.declare import page

bp = Blueprint("docs", __name__)

_FOLDER = Path(__file__).with_name("static") / "apidocs"
VIEWER = "swagger-ui-5.35.0"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_NAMES = frozenset({"page.js", "page.css", f"{VIEWER}/swagger-ui-bundle.js", f"{VIEWER}/swagger-ui.css"})

_YEAR = 365 * 86400
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


@bp.get("/docs")
@page
def show() -> Response:
    """The page."""
    return _served("page.html")


@bp.get("/docs/<path:name>")
@page
def part(name: str) -> Response:
    """A file that the page loads."""
    return _served(name) if name in _NAMES else abort(404)


def _served(name: str) -> Response:
    """A file of the page. Browsers may cache the viewer's files for ever: their path contains the version."""
    path = _FOLDER / name
    of_viewer = name.startswith(VIEWER)
    response = send_file(path, _TYPES[path.suffix], max_age=_YEAR if of_viewer else None)
    if of_viewer:
        response.cache_control.immutable = True
    response.headers.update(_HEADERS)
    return response
