"""What a person's wallet does: sees what it is asked, answers until the answer is taken, finds the turn that began."""

from __future__ import annotations

import random
import time
from typing import Any

import httpx

from tests.chaos.reader import SECONDS, Broken
from tests.chaos.site import Site
from tests.support.client import PLAIN
from tests.support.patience import patient

TAKEN, REFUSED = 200, 409


class Wallet:
    """Speaks to whichever web is there, in the name of one session."""

    def __init__(self, site: Site, rng: random.Random, session_id: str) -> None:
        self._site = site
        self._rng = rng
        self._session_id = session_id

    def asked(self, label: str) -> int | None:
        """The number of the open request with this label. Raises `Broken` when it was asked twice."""
        state = self._until_answered("GET", "/api/state")[0].json()
        found = [int(n) for n, tx in state["user_state"].get("pending_txs", {}).items() if tx["label"] == label]
        if len(found) > 1:
            raise Broken(f"asked more than once: {label}, {found}")
        return found[0] if found else None

    def answer(self, number: int, result: dict[str, Any]) -> bool:
        """Answer a request; False if it was refused, as another answer was there. Raises `Broken`."""
        body = {"id": number, "result": result}
        answer, lost = self._until_answered("POST", "/api/control/wallet_result", body)
        if answer.status_code not in (TAKEN, REFUSED):
            raise Broken(f"the answer to request {number}: {answer.status_code}, {answer.text}")
        return answer.status_code == TAKEN or lost

    def last_turn(self) -> str:
        """The run that is current, or was the last one."""
        return httpx.URL(self._until_answered("GET", "/api/chat")[0].headers["location"]).params["run_id"]

    def _until_answered(self, method: str, path: str, body: Any = None) -> tuple[httpx.Response, bool]:
        """The first answer of a web that can give one, and whether an earlier one may have been lost."""
        deadline, lost = time.monotonic() + patient(SECONDS), False
        while time.monotonic() < deadline:
            url = f"{self._site.url(self._rng)}{path}"
            try:
                query = {"session_id": self._session_id}
                with httpx.stream(method, url, params=query, json=body, timeout=5, **PLAIN) as answer:
                    if answer.status_code != 503:
                        if "event-stream" not in answer.headers["content-type"]:
                            answer.read()
                        return answer, lost
                lost = True  # Redis may have gone away behind the step that counts
            except httpx.ConnectError:
                pass  # a web that is not there has taken nothing
            except httpx.TransportError:
                lost = True
            time.sleep(self._rng.uniform(0.02, 0.2))
        raise Broken(f"no answer to {method} {path} within {patient(SECONDS):g} s")
