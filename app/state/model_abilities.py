"""The abilities of each model beyond text: the inputs that it takes, and the forms in which it answers. Workers know
them, because litellm does; web processes refuse messages by them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from app.state import redis_keys
from app.state.scripts import Store
from app.state.uploads.media_types import IMAGES
from app.state.uploads.media_types import PDF as PDF_TYPE

IMAGE, PDF, IMAGE_URL = "image", "pdf", "image_url"
JSON_OBJECT, JSON_SCHEMA = "json_object", "json_schema"

INPUT_OF_TYPE = dict.fromkeys(IMAGES, IMAGE) | {PDF_TYPE: PDF}
"""By media type; text is text for each model."""

REPORT_SECONDS = 3600.0
TTL = 86400


class ModelAbilities:
    """By the model's name in aomi.yaml, a set of the words above."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def report(self, abilities: Mapping[str, Collection[str]]) -> None:
        """Record the abilities of the models of a worker. Other models stay as they are."""
        if not abilities:
            return
        pipeline = self._redis.pipeline()
        fields = {name: " ".join(sorted(words)) for name, words in abilities.items()}
        pipeline.hset(redis_keys.MODEL_ABILITIES, mapping=fields)
        pipeline.expire(redis_keys.MODEL_ABILITIES, TTL)
        pipeline.execute()

    def of(self, names: Sequence[str]) -> dict[str, frozenset[str]]:
        """The abilities of these models; without those that no worker has reported."""
        stored = self._redis.hmget(redis_keys.MODEL_ABILITIES, names)
        return {
            name: frozenset(words.decode().split())
            for name, words in zip(names, stored, strict=True)
            if words is not None
        }
