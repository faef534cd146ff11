"""The names of Redis keys and channels; redis_schema.py lists them all, with what they hold.

All keys of one session share the hash tag `{id}`, so that they are on one node of a Redis Cluster. Lua scripts have
the same names in lua/keys.lua. The clients put AOMI_REDIS_PREFIX before them (connection/prefix.py).
"""

from __future__ import annotations

from app.state.redis_schema import SCHEMA

CONTROL = "control"
"""The pub/sub channel of `control_messages`."""

FEED = "feed"
"""A channel without messages, to which every listening process is subscribed."""

MODEL_CALLS = "model-calls"
"""The index of model calls that are not settled and counted yet."""

LEASES = "leases"
"""The index of open turns by the end of their lease."""

RATE = "rate"
"""The prefix of rates' names; the `limits` library makes the rest."""

CLIENT_REQUESTS = "client-requests"
"""The index of open client requests by their expiry."""

OPEN_CALLS = "open-calls"
"""The index of turns whose calls wait for a person, by when they expire."""

SLEEPING_CALLS = "sleeping-calls"
"""The index of multi-step calls that sleep without a thread, by when they go on."""

MODEL_ABILITIES = "model-abilities"
"""The hash of the abilities of each model beyond text."""
STORED_FILES = "stored-files"
"""The index of files whose bytes are in AOMI_FILES_URL, by when one looks whether they are still needed."""

PUBLIC_ID_KEY = "public-id-key"
"""The key by which `PublicIds` encrypts."""

TEMPORARY_SESSIONS = "temporary-sessions"
"""The index of sessions that go with their only request, by when one looks."""

RELOAD = "reload"
"""The hash of the last reload of aomi.yaml."""

RELOAD_PROCESSES = "reload-processes"
"""The hash of what each process says of its aomi.yaml."""

WEBHOOKS_DUE = "webhooks-due"
"""The indexes of messages to receivers that are due, an index for each app."""

WEBHOOKS_FAILED = "webhooks-failed"
"""The indexes of messages that are not sent any more, an index for each app."""

METRICS = "metrics"
"""The hash of what all processes have counted."""

METRICS_PROCESSES = "{metrics}:processes"
"""The index of the processes that count, by their last report."""

HASH_TAGS = (METRICS, LEASES)
"""Names that are the hash tag of other keys on the same node. They get braces of their own behind a prefix."""


def metrics_process(process: str) -> str:
    """The hash of one process, on the same node as the two keys above."""
    return f"{{metrics}}:process:{process}"


def reaper_pass(reaper: str) -> str:
    """The last pass of a reaper, on the same node as the leases."""
    return f"{{{LEASES}}}:pass:{reaper}"


def session(session_id: str) -> str:
    """The hash of a session; the names of all its other keys begin with it."""
    return f"session:{{{session_id}}}"


def hash_tag(key: str) -> str:
    """The hash tag of a key's name: the id of the session, or of the API key, that it belongs to."""
    return key.partition("{")[2].partition("}")[0]


def threads(session_id: str) -> str:
    """The index of a session's threads."""
    return f"{session(session_id)}:threads"


def thread(session_id: str, thread_id: str) -> str:
    """The hash of one thread."""
    return f"{session(session_id)}:thread:{thread_id}"


def messages(session_id: str, thread_id: str) -> str:
    """The list of a thread's messages."""
    return f"{thread(session_id, thread_id)}:messages"


def branches(session_id: str, thread_id: str) -> str:
    """The hash of a thread's branches."""
    return f"{thread(session_id, thread_id)}:branches"


def aside(session_id: str, thread_id: str) -> str:
    """The hash of a thread's messages that are not on its active branch."""
    return f"{thread(session_id, thread_id)}:aside"


def message_ids(session_id: str, thread_id: str) -> str:
    """The hash of the ids that clients gave messages of a thread."""
    return f"{thread(session_id, thread_id)}:ids"


def feedback(session_id: str, thread_id: str) -> str:
    """The hash of the feedback on a thread's replies."""
    return f"{thread(session_id, thread_id)}:feedback"


def waiting(session_id: str) -> str:
    """The list of runs that wait for the turns before them."""
    return f"{session(session_id)}:waiting"


def kept(session_id: str) -> str:
    """The index of the session's keys that no other key names, each without the prefix `session`."""
    return f"{session(session_id)}:kept"


def fixed_names(session_id: str) -> list[str]:
    """The names of the session's keys that depend on nothing but its id."""
    own = session(session_id)
    patterns = (key.pattern.replace("{<id>}", f"{{{session_id}}}") for key in SCHEMA)
    return [name for name in patterns if name.startswith(own) and "<" not in name]


def updates(session_id: str) -> str:
    """The update stream of a session, and the channel it is published on."""
    return f"{session(session_id)}:updates"


def run(session_id: str, run_id: str) -> str:
    """The hash of one turn."""
    return f"{session(session_id)}:run:{run_id}"


def log(session_id: str, run_id: str) -> str:
    """The event log of one turn, and the channel it is published on."""
    return f"{run(session_id, run_id)}:log"


def call(session_id: str, run_id: str, call_id: str) -> str:
    """The hash of one call of a multi-step tool."""
    return f"{session(session_id)}:call:{run_id}:{call_id}"


def tools(session_id: str) -> str:
    """The index of a session's multi-step calls that have not ended."""
    return f"{session(session_id)}:tools"


def tools_of_address(digest: str) -> str:
    """The index of an address's multi-step calls that have not ended, by the SHA-256 of the address in hex."""
    return f"tools-of:address:{digest}"


def mailbox(session_id: str) -> str:
    """The list of system events for a gen-1 client."""
    return f"{session(session_id)}:mailbox"


def fetched(session_id: str) -> str:
    """The list of events that the last fetch took out of the mailbox."""
    return f"{session(session_id)}:fetched"


def files(session_id: str) -> str:
    """The index of a session's files."""
    return f"{session(session_id)}:files"


def file(session_id: str, file_id: str) -> str:
    """The hash of one file."""
    return f"{session(session_id)}:file:{file_id}"


def file_data(session_id: str, file_id: str) -> str:
    """The bytes of one file."""
    return f"{file(session_id, file_id)}:data"


def webhook(session_id: str, app: str, message_id: str) -> str:
    """The hash of one message to the receiver of an app."""
    return f"{session(session_id)}:webhook:{app}:{message_id}"


def webhooks_due(app: str) -> str:
    """The index of an app's messages that are due."""
    return f"{WEBHOOKS_DUE}:{app}"


def webhooks_failed(app: str) -> str:
    """The index of an app's messages that are not sent any more."""
    return f"{WEBHOOKS_FAILED}:{app}"


def client(session_id: str) -> str:
    """The client that a session belongs to."""
    return f"{session(session_id)}:client"


def owner(session_id: str) -> str:
    """The user who owns a session."""
    return f"{session(session_id)}:owner"


def introduced(digest: str) -> str:
    """The client that named a session before it exists, by the SHA-256 of the session's id in hex."""
    return f"session:introduced:{digest}"


def sent(session_id: str, digest: str) -> str:
    """The hash of a message that was sent with an Idempotency-Key, by the SHA-256 of that key in hex."""
    return f"{session(session_id)}:sent:{digest}"


def answer_field(call_id: str) -> str:
    """The field of a turn's hash that holds the answer to one of its calls."""
    return f"answer:{call_id}"


def request_field(number: int | str) -> str:
    """The field of a session's hash that holds an open client request."""
    return f"request:{number}"


def sessions_of(public_key: str) -> str:
    """The index of a public key's sessions."""
    return f"sessions-of:{public_key}"


def sessions_of_user(user_id: str) -> str:
    """The index of a user's sessions."""
    return f"sessions-of-user:{user_id}"


def user(user_id: str) -> str:
    """The name of a user, as the tokens say it."""
    return f"user:{user_id}"


def turns_of(kind: str, who: str) -> str:
    """The concurrency slots of an API key or an address."""
    return f"turns-of:{kind}:{who}"


def provider_keys(client_digest: str) -> str:
    """The hash of a client's own keys, by the SHA-256 of its id in hex."""
    return f"provider-keys:{client_digest}"


def secrets(client_digest: str) -> str:
    """The hash of a client's secrets, by the SHA-256 of its id in hex."""
    return f"secrets:{client_digest}"


def api_key(key_id: str) -> str:
    """The hash of an API key."""
    return f"key:{key_id}"


def api_key_secret(digest: str) -> str:
    """The hash that leads from the SHA-256 of a secret, in hex, to its API key."""
    return f"api-key:{digest}"


def session_usage(session_id: str) -> str:
    """The usage of a session."""
    return f"{session(session_id)}:usage"


def response_usage(session_id: str) -> str:
    """The usage of a session's responses of OpenAI's API."""
    return f"{session(session_id)}:response-usage"


def day_usage(key_id: str, day: str) -> str:
    """The usage of an API key on a day such as `2026-11-24`. All usage keys of one API key are in one hash slot."""
    return f"usage:{{{key_id}}}:day:{day}"


def month_usage(key_id: str, month: str) -> str:
    """The usage of an API key in a month such as `2026-11`."""
    return f"usage:{{{key_id}}}:month:{month}"


def counted_charges(key_id: str) -> str:
    """The recently counted charges of an API key."""
    return f"usage:{{{key_id}}}:counted"


def key_and_day_of(day_key: str) -> tuple[str, str]:
    """API key and day of a name made by `day_usage`."""
    return hash_tag(day_key), day_key.rpartition(":")[2]


def all_usage(account: str) -> str:
    """Matches the names of all usage of one account."""
    return f"usage:{{{account}}}:*"


ALL_DAY_USAGE = "usage:{*}:day:*"
"""Matches the names of all days of all API keys."""


def model_call_field(number: str) -> str:
    """The field of a turn's hash that holds an unsettled model call."""
    return f"model_call:{number}"


def charge_field(number: str) -> str:
    """The field of a turn's hash that holds the charge of a model call."""
    return f"charge:{number}"


def last_part(name: str) -> str:
    """The part of a key's name after the last colon, such as an API key's id."""
    return name.rpartition(":")[2]
