"""Apps and models from one YAML file: LiteLLM's own `model_list:`, `apps:` and `mcp_servers:`. Read without litellm.

An invalid file raises `ConfigError`, with a line for each thing that is wrong: its place and what is right.
"""

from app.catalog.apps import DEFAULT_APP, App
from app.catalog.catalog import Catalog
from app.catalog.compaction import Compaction
from app.catalog.examples import Example
from app.catalog.file import check
from app.catalog.loading import load
from app.catalog.mcp_servers import McpServer
from app.catalog.models import DEMO, DEMO_INFO, PRICES, Model, prices_of
from app.catalog.webhooks import Webhook
from app.checks.yaml_file import digest_of

__all__ = [
    "DEFAULT_APP",
    "DEMO",
    "DEMO_INFO",
    "PRICES",
    "App",
    "Catalog",
    "Compaction",
    "Example",
    "McpServer",
    "Model",
    "Webhook",
    "check",
    "digest_of",
    "load",
    "prices_of",
]
