"""Origins of web pages, as browsers send them: https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

ANY_ORIGIN = "*"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_QUOTES = "'\"[]"


def read(setting: str) -> list[str]:
    """The origins of a list with commas. A slash at the end does not count."""
    return [part.strip().rstrip("/") for part in setting.split(",") if part.strip()]


def refuse_useless(setting: str) -> None:
    """Raises `ValueError` for the first origin that no browser sends, and says which one would be right."""
    for origin in read(setting):
        if origin not in (ANY_ORIGIN, "null"):
            _refuse(origin)


def _refuse(origin: str) -> None:
    if re.search(r"\s", origin):
        raise ValueError(f"{origin!r} cannot match: separate origins by commas")
    if origin.strip(_QUOTES) != origin:
        raise ValueError(f"{origin!r} cannot match: write it without quotes and brackets")
    if ANY_ORIGIN in origin:
        raise ValueError(f"{origin!r} cannot match: `*` means every origin and must be alone; else list each origin")
    right = _right(origin)
    if right is None:
        raise ValueError(f"{origin!r} is no origin; write it such as https://app.example or http://localhost:3000")
    if right != origin:
        raise ValueError(f"{origin!r} cannot match: a browser sends {right}")


def _right(origin: str) -> str | None:
    """The origin as a browser sends it; None if it is none."""
    if "://" not in origin and not origin.endswith(":"):
        local = re.match(r"(localhost|127\.0\.0\.1)\b", origin)
        origin = f"{'http' if local else 'https'}://{origin}"
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname, parts.port
        host = host if host is None or host.isascii() else host.encode("idna").decode()
    except ValueError:  # UnicodeError is one
        return None
    if not host:
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{port}")
