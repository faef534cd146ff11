"""Where settings come from besides their own variables: files of secrets, and old names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic_settings import EnvSettingsSource

from app.errors import ConfigError

RENAMED = {"model_calls": "max_model_calls", "wallet_ttl": "client_request_ttl"}
"""Old names of settings, which still work where the new one is not set."""


class OldNames(EnvSettingsSource):
    """Reads settings by their old names."""

    def __call__(self) -> dict[str, Any]:
        """The settings that are set by an old name."""
        values = {new: self.env_vars.get(variable_of(old).lower()) for old, new in RENAMED.items()}
        return {name: value for name, value in values.items() if value is not None}


SECRETS = (
    *("REDIS_URL", "AOMI_QUEUE_REDIS_URL", "AOMI_ENCRYPTION_KEY", "AOMI_METRICS_TOKEN", "AOMI_CHAIN_RPC"),
    "AOMI_JWT_SECRET",
)
"""Variables whose value may be in a file, which the variable with `_FILE` at its end names. The file takes precedence.
Docker and Kubernetes provide secrets as files, and images of databases read them in this way."""


class Files(EnvSettingsSource):
    """Reads secrets from files."""

    def __call__(self) -> dict[str, Any]:
        """The settings whose file is named. Raises `ConfigError`."""
        paths = {name: self.env_vars.get(f"{name}_FILE".lower()) for name in SECRETS}
        return {field_of(name): _content(f"{name}_FILE", path) for name, path in paths.items() if path}


def field_of(variable: str) -> str:
    """The setting of an environment variable."""
    return variable if variable == "REDIS_URL" else variable.removeprefix("AOMI_").lower()


def _content(variable: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{variable}: cannot read {path!r} ({type(error).__name__})") from None


def variable_of(field: str) -> str:
    """The environment variable of a setting."""
    return field if field.isupper() else f"AOMI_{field.upper()}"
