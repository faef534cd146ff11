"""Places for the multi-step calls that a client address has running in the background: see AOMI_TOOLS_PER_ADDRESS."""

from __future__ import annotations

from app.state import redis_keys
from app.state.scripts import Store


class TooManyTools(Exception):
    """`holder`, a session or an address, has as many multi-step calls in the background as it may: `most`."""

    def __init__(self, holder: str, most: int) -> None:
        super().__init__(f"at most {most} of one {holder}")
        self.holder = holder
        self.most = most


class ToolPlaces:
    """The places of all addresses. An address is its SHA-256 in hex; '' is unknown, and has no limit."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, address: str, call: str, ttl: int) -> None:
        """Take or renew the place of a call for `ttl` seconds. Raises `TooManyTools`."""
        most = self._store.settings.tools_per_address
        args = {"member": call, "max_calls": most, "ttl": ttl}
        if address and most and not self._store.call("take_tool_place", [redis_keys.tools_of_address(address)], args):
            raise TooManyTools("address", most)

    def give_back(self, address: str, call: str) -> None:
        """The call has ended."""
        if address:
            self._store.redis.zrem(redis_keys.tools_of_address(address), call)
