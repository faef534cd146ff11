"""The abilities of each model beyond text. Workers know them, because litellm does; web processes read them here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from app.state import redis_keys
from app.state.scripts import Store


class ModelAbilities:
    """By the model's name in aomi.yaml, a set of words, such as `json_schema`."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def publish(self, abilities: Mapping[str, Collection[str]]) -> None:
        """Record what the models of a worker's configuration can do. Other models stay as they are."""
        if abilities:
            fields = {name: " ".join(sorted(words)) for name, words in abilities.items()}
            self._redis.hset(redis_keys.MODEL_ABILITIES, mapping=fields)

    def of(self, names: Sequence[str]) -> dict[str, frozenset[str]]:
        """The abilities of these models; without those that no worker has recorded."""
        stored = self._redis.hmget(redis_keys.MODEL_ABILITIES, names)
        return {
            name: frozenset(words.decode().split())
            for name, words in zip(names, stored, strict=True)
            if words is not None
        }
