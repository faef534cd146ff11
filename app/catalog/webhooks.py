"""The `webhook` of an app: where its messages go, and which of them."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.checks.references import FROM_ENVIRONMENT
from app.checks.webhooks import is_receiver

WebhookType = Literal[
    "turn.completed", "turn.failed", "turn.interrupted", "turn.awaiting", "tool.done", "feedback.given"
]

IF_NAMED: frozenset[WebhookType] = frozenset({"feedback.given"})
"""The types that are sent only if `events` names them."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - the beginning of every secret

MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64
"""Of a key, by Standard Webhooks ("Signature scheme")."""


_ADDRESS = "an address: https://..."
_SECRET = f"a secret: {SECRET_PREFIX} and {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes in Base64"


class WebhookNotReady(Exception):
    """A variable that the webhook names is not set, or has no usable value. The value is not in the message."""


@dataclass(frozen=True)
class Receiver:
    """An address, and the keys that sign what is sent there. Neither is shown: an address may hold a token."""

    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)


class Webhook(BaseModel):
    """The receiver that is told when turns and tools of an app end. docs/webhooks.md says what it gets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="the receiver's address; may be `os.environ/NAME`")
    secret: str = Field(
        description="`os.environ/NAME`: a variable with the secret that signs, `whsec_...`; two of them, with a space "
        "between, sign both while receivers change from one to the other"
    )
    events: tuple[WebhookType, ...] = Field(
        (),
        description="the types that are sent, of `turn.completed`, `turn.failed`, `turn.interrupted`, `turn.awaiting`, "
        "`tool.done`; all of them if it is left out. `feedback.given` is sent only if it is named, and then the others "
        "must be, too",
    )
    include: tuple[Literal["messages"], ...] = Field(
        (), description="`messages` adds the turn's messages; without it nothing that people or models say is sent"
    )

    def sends(self, kind: WebhookType) -> bool:
        """Whether the receiver gets messages of this type."""
        return kind in self.events if self.events else kind not in IF_NAMED

    def receiver(self, environment: Mapping[str, str] = os.environ) -> Receiver:
        """Raises `WebhookNotReady`."""
        if faults := list(self.faults(environment)):
            raise WebhookNotReady(faults[0])
        secrets = _value(self.secret, environment).split()
        return Receiver(_value(self.url, environment), tuple(map(signing_key, secrets)))

    def faults(self, environment: Mapping[str, str]) -> Iterator[str]:
        """Why nothing can be sent in this environment."""
        for setting, is_right, right in ((self.url, is_receiver, _ADDRESS), (self.secret, _is_secret, _SECRET)):
            variable, value = setting.removeprefix(FROM_ENVIRONMENT), _value(setting, environment)
            if not value:
                yield f"{variable} is not set"
            elif not is_right(value):
                yield f"{variable} is not {right}"


def signing_key(secret: str) -> bytes:
    """The bytes that sign. Raises `ValueError`."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("a secret begins with whsec_")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a secret is Base64 behind whsec_") from None
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise ValueError(f"a secret has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes")
    return key


def _is_secret(value: str) -> bool:
    try:
        return bool([signing_key(one) for one in value.split()])
    except ValueError:
        return False


def _value(setting: str, environment: Mapping[str, str]) -> str:
    if setting.startswith(FROM_ENVIRONMENT):
        return environment.get(setting.removeprefix(FROM_ENVIRONMENT), "").strip()
    return setting
