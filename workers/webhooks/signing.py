"""The headers of a message by Standard Webhooks: its id, the time of the attempt, a signature for each key.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Webhook headers" and
"Signature scheme".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence


def headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """`timestamp` is that of this attempt, in seconds since 1970: receivers refuse old ones."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signatures),
    }
