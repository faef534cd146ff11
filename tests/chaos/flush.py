"""The last fault of a run: Redis loses everything while people read. Their streams end, and the site goes on."""

from __future__ import annotations

import random
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.reader import SECONDS, Broken
from tests.chaos.site import Site
from tests.support.client import Client
from tests.support.patience import patient, until
from tests.support.servers import Silence, Step, Text

READERS = 8


def flush(site: Site, seed: int, pool: ThreadPoolExecutor) -> int:
    """Flush Redis below streams of turns that would not end by themselves. Returns how many there were. Raises `Broken`
    when one does not end with the error `lost`, or a session takes no message afterwards."""
    ready = [threading.Event() for _ in range(READERS)]
    futures = [pool.submit(_read, site, random.Random(f"{seed} {n}"), one) for n, one in enumerate(ready)]
    for one in ready:
        one.wait(patient(SECONDS))
    with site.store() as store:
        store.flushall()
    for future in futures:
        future.result()
    return READERS


def _read(site: Site, rng: random.Random, ready: threading.Event) -> None:
    client = Client(site.url(rng))
    until(lambda: client.get("/readyz").status_code == 200, SECONDS, "the site to be ready")
    with client.chat(_script(site, [Text(["on it"]), Silence()]), model="scripted") as stream:
        stream.next("text")
        ready.set()
        codes = [event.get("code") for event in stream.events()]
    if codes != ["lost"]:
        raise Broken(f"the stream of a turn that Redis has lost goes on with events of the codes {codes}")
    until(lambda: client.get("/readyz").status_code == 200, SECONDS, "the site to be ready again")
    events = client.ask(_script(site, [Text(["here again"])]), model="scripted")
    if events[-1] != {"type": "complete"}:
        raise Broken(f"after the flush a turn ends with {events}")


def _script(site: Site, reply: list[Step]) -> str:
    return site.provider.script(f"flush {uuid.uuid4()}", reply)
