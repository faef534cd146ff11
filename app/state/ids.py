"""Fresh ids, and digests that stand for secrets and long names."""

from __future__ import annotations

import hashlib
import uuid


def new_id(kind: str) -> str:
    """A fresh id such as `run_4f2a...`."""
    return f"{kind}_{uuid.uuid4().hex}"


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()
