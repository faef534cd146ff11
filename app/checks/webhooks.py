"""The `webhook` of an app in aomi.yaml. No value is shown: an address may hold a token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from app.checks.keys import named
from app.checks.problems import Problem
from app.checks.references import FROM_ENVIRONMENT
from app.checks.yaml_file import Location, YamlFile

_REFERENCE = re.compile(re.escape(FROM_ENVIRONMENT) + r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f]")


def problems(file: YamlFile) -> Iterator[Problem]:
    """Each address that is none, and each secret that is in the file itself. Values of a wrong type are left to
    pydantic."""
    apps = file.data.get("apps")
    for index, app in enumerate(apps if isinstance(apps, list) else ()):
        webhook = app.get("webhook") if isinstance(app, dict) else None
        for name, told in _of_webhook(webhook) if isinstance(webhook, dict) else ():
            location: Location = ("apps", index, "webhook", name)
            yield Problem(file.place(*location), f"{named(file.data, location)}: {told}")


def _of_webhook(webhook: dict[str, Any]) -> Iterator[tuple[str, str]]:
    url, secret = webhook.get("url"), webhook.get("secret")
    if isinstance(url, str) and not _REFERENCE.fullmatch(url) and not is_receiver(url):
        yield "url", f"must be an address without a password, https://..., or {FROM_ENVIRONMENT}NAME"
    if isinstance(secret, str) and not _REFERENCE.fullmatch(secret):
        yield "secret", f"must be {FROM_ENVIRONMENT}NAME: a secret does not belong in this file"


def is_receiver(url: str) -> bool:
    """Whether messages can be sent to this address. `http` is for receivers in the operator's own network."""
    try:
        parts = urlsplit(url)
        has_host = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and not (parts.username or parts.password or _NOT_IN_URLS.search(url)) and url.isascii()
