"""The listener of a web process, for the channels of sessions."""

from __future__ import annotations

from typing import Any

from app.config import Settings
from app.state.connection import clients
from app.state.connection.cluster_pubsub import ClusterPubSub
from app.state.connection.pubsub import Listener, PubSubListener
from app.state.connection.sharded_pubsub import BothListeners, ShardedListener


def hub_listener(settings: Settings, redis: Any = None) -> Listener:
    """On the Redis of the settings, or on the given client. On a cluster where some processes publish on shard
    channels, it listens to those as well."""
    redis = redis or clients.listening(settings)
    classic = PubSubListener(redis, settings.redis_prefix)
    if settings.cluster_pubsub == "classic" or not isinstance(redis, ClusterPubSub):
        return classic
    return BothListeners(classic, ShardedListener(redis, settings.redis_prefix))
