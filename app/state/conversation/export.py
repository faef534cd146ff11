"""All that Redis holds of a session, as JSON for the person whose data it is."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from app import exact_json
from app.events import sse
from app.state import redis_keys
from app.state.conversation.siblings import branches_of
from app.state.scripts import Store
from app.state.session_fields import Fields
from app.state.turns.streams import read_stream
from app.state.uploads.file_storage import FileGone, StorageFailed
from app.state.uploads.files import Files, StoredFile

Data = dict[str, Any]

_JSON = frozenset(
    {
        "user_state",
        "message",
        "args",
        "first",
        "response_format",
        "summary",
        "asks",
        "open_calls",
        "goes_on",
        "client_tools",
    }
)
"""Fields whose value is JSON."""

_SHOWN = ("key_prefix", "label")
"""The fields of a client's own key that may be shown."""


class Export:
    """Reads only: nothing is changed, and no key's life is renewed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._files = Files(store)

    def session(self, session_id: str) -> Data | None:
        """A session with all that belongs to it, by the names of docs/redis.md; None when there is nothing."""
        fields = self._store.fields(redis_keys.session(session_id))
        indexed = list(self._indexed(session_id))
        if not (fields or indexed):
            return None
        return {
            "session_id": session_id,
            "fields": _parsed(fields),
            "client": self._text(redis_keys.client(session_id)),
            "owner": self._owner(session_id),
            "threads": list(self._threads(session_id)),
            "turns": [self._turn(session_id, rest[0]) for kind, *rest in indexed if kind == "run"],
            "waiting": self._list(redis_keys.waiting(session_id)),
            "calls": [
                _parsed(self._store.fields(redis_keys.call(session_id, *rest))) for k, *rest in indexed if k == "call"
            ],
            "sent": [self._sent(session_id, rest[0]) for kind, *rest in indexed if kind == "sent"],
            "files": [self._file(session_id, file) for file in self._files.all(session_id)],
            "updates": self._events(redis_keys.updates(session_id)),
            "mailbox": [exact_json.loads(event) for event in self._list(redis_keys.mailbox(session_id))],
            "fetched": [exact_json.loads(event) for event in self._list(redis_keys.fetched(session_id))[1:]],
        }

    def _owner(self, session_id: str) -> str:
        """The `sub` of the user who owns it, '' without owners."""
        owner = (self._text(redis_keys.owner(session_id)) or "").split(" ")[0]
        return self._text(redis_keys.user(owner)) or owner if owner else ""

    def client(self, client: str) -> Data:
        """The provider keys and secrets of a client, by its digest: their names and labels. Nothing is decrypted."""
        stored = self._store.fields(redis_keys.provider_keys(client))
        keys = {name: exact_json.loads(value) for name, value in stored.items()}
        secrets = [raw.decode() for raw in self._redis.hkeys(redis_keys.secrets(client))]
        provider_keys = {name: {part: key[part] for part in _SHOWN} for name, key in keys.items()}
        return {"sha256": client, "provider_keys": provider_keys, "secrets": secrets}

    def _indexed(self, session_id: str) -> Iterator[list[str]]:
        """Kind and ids of the existing keys in the session's index."""
        for raw in self._redis.zrange(redis_keys.kept(session_id), 0, -1):
            if self._redis.exists(f"{redis_keys.session(session_id)}:{raw.decode()}"):
                yield raw.decode().split(":", 2)

    def _threads(self, session_id: str) -> Iterator[Data]:
        for thread_id in map(bytes.decode, self._redis.zrange(redis_keys.threads(session_id), 0, -1)):
            messages = [exact_json.loads(raw) for raw in self._list(redis_keys.messages(session_id, thread_id))]
            aside = self._store.fields(redis_keys.aside(session_id, thread_id))
            yield {
                **_parsed(self._store.fields(redis_keys.thread(session_id, thread_id))),
                "messages": messages,
                "branches": branches_of(self._store.fields(redis_keys.branches(session_id, thread_id)), aside),
                "message_ids": self._store.fields(redis_keys.message_ids(session_id, thread_id)),
                "feedback": self._feedback(session_id, thread_id),
            }

    def _feedback(self, session_id: str, thread_id: str) -> Data:
        """By the id of the reply, as JSON text."""
        fields = self._store.fields(redis_keys.feedback(session_id, thread_id))
        return {id: given for id, given in fields.items() if id.startswith('"')}

    def _turn(self, session_id: str, run_id: str) -> Data:
        fields = _parsed(self._store.fields(redis_keys.run(session_id, run_id)))
        return {**fields, "log": self._events(redis_keys.log(session_id, run_id))}

    def _sent(self, session_id: str, digest: str) -> Data:
        return {"sha256": digest, **self._store.fields(redis_keys.sent(session_id, digest))}

    def _file(self, session_id: str, file: StoredFile) -> Data:
        """A file with its bytes in Base64; without them if they are lost or cannot be reached."""
        try:
            data = b"".join(self._files.read(session_id, file))
        except (FileGone, StorageFailed):
            return file.reference()
        return file.reference() | {"data": base64.b64encode(data).decode()}

    def _events(self, stream: str) -> list[Any]:
        return [sse.parse(entry.frame) for entry in read_stream(self._store, stream, 0)]

    def _list(self, name: str) -> list[str]:
        return [raw.decode() for raw in self._redis.lrange(name, 0, -1)]

    def _text(self, name: str) -> str | None:
        raw = self._redis.get(name)
        return raw.decode() if raw else None


def _parsed(fields: Fields) -> Data:
    """The fields of a hash; JSON fields as their values."""
    return {name: exact_json.loads(text) if _is_json(name, text) else text for name, text in fields.items()}


def _is_json(name: str, text: str) -> bool:
    """Whether a field holds JSON: a client request does in the session's hash; in a turn's it is a name of a call."""
    return name in _JSON or (name.startswith(redis_keys.request_field("")) and text.startswith("{"))
