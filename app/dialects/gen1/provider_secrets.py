"""Provider keys that are sent as secrets, by a name such as `PROVIDER_KEY:openai`: the React runtime does so."""

from __future__ import annotations

PREFIX = "PROVIDER_KEY:"


def provider_of(name: str) -> str:
    """The provider that the name of a secret stands for, in lower case; '' for an ordinary secret."""
    return name.removeprefix(PREFIX).strip().lower() if name.startswith(PREFIX) else ""


def split(sent: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The ordinary secrets by name, and the provider keys by provider."""
    secrets = {name: value for name, value in sent.items() if not provider_of(name)}
    keys = {provider_of(name): value.strip() for name, value in sent.items() if provider_of(name)}
    return secrets, keys
