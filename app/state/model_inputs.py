"""The inputs that each model takes beside text. Workers know them from litellm; web processes refuse attachments by
them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.state import redis_keys
from app.state.media_types import IMAGES
from app.state.media_types import PDF as PDF_TYPE
from app.state.pairs import text_fields
from app.state.scripts import Store

IMAGE, PDF, IMAGE_URL = "image", "pdf", "image_url"

INPUT_OF_TYPE = dict.fromkeys(IMAGES, IMAGE) | {PDF_TYPE: PDF}
"""By media type; text is text for each model."""

REPORT_SECONDS = 3600.0
TTL = 86400


class ModelInputs:
    """The last report of the workers, by the names of aomi.yaml."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def report(self, inputs: Mapping[str, Iterable[str]]) -> None:
        """Report the inputs that the models of a worker take."""
        pipeline = self._redis.pipeline()
        fields = {name: " ".join(sorted(takes)) for name, takes in inputs.items()}
        pipeline.hset(redis_keys.MODEL_INPUTS, mapping=fields)
        pipeline.expire(redis_keys.MODEL_INPUTS, TTL)
        pipeline.execute()

    def get(self) -> dict[str, frozenset[str]]:
        """The inputs of each model; a model that no worker has reported is missing."""
        stored = text_fields(self._redis.hgetall(redis_keys.MODEL_INPUTS))
        return {name: frozenset(takes.split()) for name, takes in stored.items()}
