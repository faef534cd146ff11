"""The settings: read from the environment, then from a `.env` file."""

from app.config.reading import apps_file, known_variables, load, read, read_env_file, table
from app.config.settings import MAX_FEE_WEI, Settings
from app.config.sources import SECRETS

__all__ = [
    "MAX_FEE_WEI",
    "SECRETS",
    "Settings",
    "apps_file",
    "known_variables",
    "load",
    "read",
    "read_env_file",
    "table",
]
