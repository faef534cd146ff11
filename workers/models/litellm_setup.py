"""litellm as the workers use it."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import litellm
from litellm import utils
from litellm.litellm_core_utils import token_counter
from litellm.litellm_core_utils.prompt_templates import image_handling
from litellm.responses import main as responses

from workers.models import tap
from workers.models.demo_provider import DemoProvider


def configure() -> None:
    """Set it up; once, before the first call."""
    litellm.disable_streaming_logging = True
    litellm.suppress_debug_info = True
    litellm.drop_params = True  # `stream_options` is not known everywhere
    litellm.modify_params = False  # else it turns thinking off where a history has calls of other models
    litellm.telemetry = False
    litellm.disable_hf_tokenizer_download = True  # tokens are counted without the network
    litellm.custom_provider_map = [{"provider": "demo", "custom_handler": DemoProvider()}]
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # its logs hold prompts and keys
    # its bridge to the Responses API looks for MCP servers of its own, with a package that would come for this alone
    responses._responses_try_dispatch_mcp_gateway = _no_mcp_gateway
    _forbid_downloads()
    # it computes a price before the first token, for a field that nobody reads: about 1 ms of CPU a call
    utils.update_response_metadata = _no_metadata
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)  # of its own objects, each time
    tap.install()


def _forbid_downloads() -> None:
    """No address that a user sends is read from our network: neither for a provider that takes none, nor to count
    tokens."""
    image_handling.MAX_IMAGE_URL_DOWNLOAD_SIZE_MB = 0
    for module in (image_handling, token_counter):
        module.safe_get = _no_download
    image_handling.async_safe_get = _no_download


def _no_download(*_: Any, **__: Any) -> None:
    raise litellm.ImageFetchError("images are not downloaded")


def _no_mcp_gateway(**_: Any) -> None:
    """litellm's value for: none of these tools belongs to a server of its own."""


def _no_metadata(**_: Any) -> None:
    """Leaves out litellm's hidden fields of a response: cost, duration, address."""
