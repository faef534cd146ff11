"""Every Redis key: its name, type, content and life, in this one place. docs/redis.md describes them in full."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """One kind of key. `life` says when it goes."""

    pattern: str
    type: str
    holds: str
    life: str


SCHEMA = (
    Key("session:{<id>}", "hash", "the session's fields", "AOMI_SESSION_TTL after its last turn"),
    Key("session:{<id>}:threads", "zset", "thread ids by the time they were opened, µs", "as the session"),
    Key(
        "session:{<id>}:thread:<thread>",
        "hash",
        "its title, times, summary, and what a person has seen",
        "as the session, at most a sixteenth longer",
    ),
    Key(
        "session:{<id>}:thread:<thread>:messages",
        "list",
        "messages of the active branch as JSON, oldest first",
        "as the session, at most a sixteenth longer",
    ),
    Key(
        "session:{<id>}:thread:<thread>:branches",
        "hash",
        "how the branches of a thread hang together",
        "as the session, at most a sixteenth longer",
    ),
    Key(
        "session:{<id>}:thread:<thread>:aside",
        "hash",
        "messages that are not on the active branch",
        "as the session, at most a sixteenth longer",
    ),
    Key(
        "session:{<id>}:thread:<thread>:ids",
        "hash",
        "ids that a client gave its messages",
        "as the session, at most a sixteenth longer",
    ),
    Key(
        "session:{<id>}:thread:<thread>:feedback",
        "hash",
        "the feedback on its replies",
        "as the session, at most a sixteenth longer",
    ),
    Key("session:{<id>}:waiting", "list", "runs waiting for their turn, next one first", "as the session"),
    Key("session:{<id>}:updates", "stream", "frames of /api/updates, id `<n>-0`", "as the session"),
    Key(
        "session:{<id>}:kept",
        "zset",
        "names of the keys below, by their last moment, ms",
        "until the last of them is gone",
    ),
    Key("session:{<id>}:run:<run>", "hash", "one turn", "AOMI_LOG_TTL after its end"),
    Key(
        "session:{<id>}:run:<run>:log",
        "stream",
        "the turn's frames, id `<n>-0`",
        "AOMI_LOG_TTL after its end",
    ),
    Key(
        "session:{<id>}:call:<run>:<call>",
        "hash",
        "a multi-step tool's call",
        "AOMI_TOOL_TTL after a step, AOMI_TOOL_OVER_TTL after its end",
    ),
    Key(
        "session:{<id>}:tools",
        "zset",
        "`<run>:<call>` of multi-step calls that have not ended, by their last moment, ms",
        "until the last of them has ended",
    ),
    Key("session:{<id>}:mailbox", "list", "events for a client that polls, JSON", "AOMI_LOG_TTL after the last"),
    Key("session:{<id>}:fetched", "list", "a name of the last fetch, and what it got", "AOMI_FETCH_TTL"),
    Key("session:{<id>}:files", "hash", "the bytes of each file, by its id", "as the session"),
    Key("session:{<id>}:file:<file>", "hash", "one file", "as the session; ten minutes during its upload"),
    Key("session:{<id>}:file:<file>:data", "hash", "its bytes, in numbered chunks", "as the session"),
    Key(
        "session:{<id>}:webhook:<app>:<message>",
        "hash",
        "a message to the receiver of the app",
        "until it was delivered, at most four days",
    ),
    Key("session:{<id>}:client", "string", "SHA-256 of the id of the session's client", "as the session"),
    Key(
        "session:{<id>}:owner",
        "string",
        "the user who owns the session, and whether it is listed as theirs",
        "as the session; an hour before the session is made",
    ),
    Key(
        "session:introduced:<sha256>",
        "string",
        "SHA-256 of the id of a client that named a session before it exists",
        "until a minute has passed",
    ),
    Key(
        "session:{<id>}:sent:<sha256>",
        "hash",
        "run and body of a message with an Idempotency-Key",
        "AOMI_IDEMPOTENCY_TTL",
    ),
    Key("sessions-of:<public_key>", "zset", "session ids by the time they were made, µs", "AOMI_SESSION_TTL"),
    Key(
        "sessions-of-user:<user>",
        "zset",
        "session ids by the time of the user's first use, µs",
        "two AOMI_SESSION_TTL after the user's last request",
    ),
    Key("user:<user>", "string", "`sub` of the user's tokens", "AOMI_USAGE_TTL after a session of theirs was made"),
    Key("key:<key>", "hash", "one API key", "until it is revoked"),
    Key(
        "api-key:<sha256>",
        "hash",
        "the id of the key with this secret",
        "until its key is revoked or its overlap ends",
    ),
    Key("rate:{<kind>/<who>/<most>/1/minute}", "string", "requests of this minute", "until two minutes have passed"),
    Key("rate:{<kind>/<who>/<most>/1/minute}/-1", "string", "requests of the minute before", "until it is over"),
    Key("turns-of:<kind>:<who>", "zset", "`<id> <run>` of turns with a slot, by its end, ms", "five AOMI_LEASE"),
    Key(
        "tools-of:address:<sha256>",
        "zset",
        "`<id> <run> <call>` of an address's multi-step calls that have not ended, by their last moment, ms",
        "AOMI_TOOL_TTL after a job has begun",
    ),
    Key("provider-keys:<client>", "hash", "a client's own keys, by provider, JSON", "AOMI_SESSION_TTL after their use"),
    Key("secrets:<client>", "hash", "a client's secrets, by name, encrypted", "AOMI_SESSION_TTL after their use"),
    Key("session:{<id>}:usage", "hash", "what the session used, by day, key, app and model", "as the session"),
    Key("session:{<id>}:response-usage", "hash", "what turns of OpenAI's API and the AI SDK used", "as the session"),
    Key("usage:{<key>}:day:<day>", "hash", "what an API key used on a day, by app and model", "AOMI_USAGE_TTL"),
    Key("usage:{<key>}:month:<month>", "hash", "the same of a month", "AOMI_USAGE_TTL"),
    Key("usage:{<key>}:counted", "zset", "ids of recently counted charges, by time, ms", "AOMI_CHARGE_TTL"),
    Key("model-calls", "zset", "`<id> <run> <n>` of calls to settle, by when one looks, ms", "an entry: until then"),
    Key("client-requests", "zset", "`<id> <n>` of client requests by their end, ms", "an entry: until the end"),
    Key(
        "open-calls",
        "zset",
        "`<id> <run>` of turns whose calls wait for a person, by when they expire, ms",
        "an entry: until then, or the answer",
    ),
    Key(
        "sleeping-calls",
        "zset",
        "`<id> <run> <call>` of multi-step calls that sleep, by when they go on, ms",
        "an entry: until then",
    ),
    Key(
        "model-abilities",
        "hash",
        "what each model can do beyond text, by its name",
        "until a day after a worker's last report",
    ),
    Key("public-id-key", "string", "the key of the ids that say nothing of a session's id", "until Redis is emptied"),
    Key(
        "temporary-sessions",
        "zset",
        "ids of sessions that go with their only request, by when one looks, ms",
        "an entry: until its session is gone",
    ),
    Key(
        "webhooks-due:<app>",
        "zset",
        "`<id> <message>` of messages to receivers by when they are due, ms",
        "until four days after the last was added or tried",
    ),
    Key(
        "webhooks-failed:<app>",
        "zset",
        "the same of messages that are not sent any more, by when the record goes, ms",
        "until the last record goes",
    ),
    Key(
        "stored-files",
        "zset",
        "`<id> <file>` of files in AOMI_FILES_URL by when one looks, ms",
        "an entry: until the file's end",
    ),
    Key(
        "metrics",
        "hash",
        "what all processes have counted, by metric and labels",
        "AOMI_METRICS_TTL after the last count",
    ),
    Key(
        "{metrics}:processes",
        "zset",
        "processes by their last report, ms",
        "AOMI_METRICS_PROCESS_TTL after the last report",
    ),
    Key(
        "{metrics}:process:<process>",
        "hash",
        "report, kind and gauges",
        "AOMI_METRICS_PROCESS_TTL after its last report",
    ),
    Key("reload", "hash", "the last reload of aomi.yaml, and the last one that was taken", "until Redis is emptied"),
    Key(
        "reload-processes",
        "hash",
        "what each process says of its aomi.yaml, by its name, JSON",
        "until an hour after the last report",
    ),
    Key("leases", "zset", "`<id> <run>` of open turns by lease end, ms", "an entry: until the turn's end"),
    Key("{leases}:pass:<reaper>", "string", "the time of a reaper's last pass, µs", "four AOMI_LEASE"),
)
