"""The people who use the site: each sends messages of random kinds, one at a time or several at once."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import httpx

from tests.chaos.approving import Approval
from tests.chaos.erasing import Erasure
from tests.chaos.front_ends import FRONT_ENDS, FrontEnd
from tests.chaos.reader import LATE_SECONDS, Broken, Reader, Sent
from tests.chaos.revising import Revision
from tests.chaos.site import Site
from tests.chaos.wallet import Wallet
from tests.support.client import PLAIN
from tests.support.patience import patient
from tests.support.servers import Calls, Cut, Fail, Silence, Step, Text


class Person:
    """Has one session, and chooses by a random generator of its own. `sent` is all it has sent."""

    def __init__(self, site: Site, seed: str, pool: ThreadPoolExecutor) -> None:
        self.session_id = str(uuid.uuid4())
        self.sent: list[Sent] = []
        self.stops: list[float] = []
        self.erased: list[str] = []
        """The ids of sessions that were deleted at work."""
        self.approvals: list[Approval] = []
        self.front_ends: list[FrontEnd] = []
        self._site = site
        self._rng = random.Random(seed)
        self._seed = seed
        self._pool = pool

    def act(self) -> int:
        """One thing a person does, at first a talk, so that the session is there; returns the messages it took. Raises
        `Broken`."""
        habit = self._rng.choices(list(HABITS), list(HABITS.values()))[0] if self.sent else Person.talk
        before = len(self.sent)
        habit(self)
        return len(self.sent) - before

    # what a person may do

    def talk(self) -> None:
        self._send("talk", [_words(self._rng)]).result()

    def use_tools(self) -> None:
        calls = Calls([("Add", {"a": n, "b": n}) for n in range(self._rng.randint(1, 3))])
        self._send("tools", [_words(self._rng), calls], [_words(self._rng)]).result()

    def watch(self) -> None:
        calls = Calls([("Countdown", {"n": 4, "every": 0.2})])
        self._send("steps", [calls], [_words(self._rng)]).result()

    def stop(self) -> None:
        """Interrupt it: while it flows, while the provider is silent, or as it ends."""
        answer = [_words(self._rng), self._rng.choice([Silence(), _words(self._rng)])]
        future = self._send("stop", answer)
        self.sent[-1].accepted.wait(patient(30))
        time.sleep(self._rng.uniform(0, 0.8))
        while not future.done():
            self._interrupt()
        future.result()

    def come_back(self) -> None:
        self._send("come back", [_words(self._rng)], leaves_after=self._rng.randint(1, 8)).result()

    def hurry(self) -> None:
        """Several messages at once."""
        futures = []
        for _ in range(3):
            futures.append(self._send("hurry", [_words(self._rng)]))
            self.sent[-1].accepted.wait(patient(30))
        for future in futures:
            future.result()

    def barge_in(self) -> None:
        first = self._send("barged", [_words(self._rng), Silence()])
        self.sent[-1].accepted.wait(patient(30))
        self._send("barge in", [_words(self._rng)], on_busy="interrupt").result()
        first.result()

    def ask_twice(self) -> None:
        """The second message does not want to wait."""
        first = self._send("talk", [_words(self._rng)])
        self.sent[-1].accepted.wait(patient(30))
        self._send("rejected", [_words(self._rng)], on_busy="reject").result()
        first.result()

    def meet_a_bad_moment(self) -> None:
        """The provider fails once before it answers."""
        self._send("retry", [Fail(self._rng.choice([429, 500, 503]))], [_words(self._rng)]).result()

    def meet_a_bad_end(self) -> None:
        """The provider breaks off in the middle."""
        self._send("cut", [_words(self._rng), Cut()]).result()

    def pay(self) -> None:
        """Answer what the wallet is asked: when all is quiet or while another turn runs, once or twice at once."""
        call = ("SendTransactionToWallet", {"to": f"0x{'ab' * 20}", "chain_id": 1, "label": self._next("wallet")})
        label = self._send("wallet", [Calls([call])], [_words(self._rng)]).result().text
        wallet = Wallet(self._site, self._rng, self.session_id)
        number = wallet.asked(label)
        if number is None:
            return  # the turn was lost before it asked
        busy = self._send("talk", [_words(self._rng)]) if self._rng.random() < 0.5 else None
        if busy:
            self.sent[-1].accepted.wait(patient(30))
        text = f'[The client\'s answer to SendTransactionToWallet, request {number}] {{"label":"{label}"}}'
        self._site.provider.script(text, [_words(self._rng)])
        answers = [self._pool.submit(wallet.answer, number, {"label": label}) for _ in range(self._rng.randint(1, 2))]
        if not any(answer.result() for answer in answers):
            raise Broken(f"every answer to request {number} was refused: {label}")
        if busy:
            busy.result()
        self.sent.append(Sent(self.session_id, text, "answer", run_id=wallet.last_turn()))
        self._read(self.sent[-1]).result()
        if wallet.asked(label) is not None:
            raise Broken(f"request {number} is open although it was answered: {label}")

    def erase(self) -> None:
        """Delete a session, or its thread first, while its turn and a tool run and a message waits."""
        erasure = Erasure(self._site, self._rng, self._pool)
        erasure.run()
        self.erased.append(erasure.session_id)

    def revise(self) -> None:
        """Edit messages and have them answered again, in a session of its own."""
        Revision(self._site, self._rng).run()

    def approve(self) -> None:
        """Let calls wait, and end the wait in some way, in a session of its own."""
        approval = Approval(self._site, self._rng, self._pool)
        self.approvals.append(approval)
        approval.run()
        self.sent += approval.sent

    def use_another_front_end(self) -> None:
        """Chat in another dialect, in a session of its own."""
        front_end = self._rng.choice(FRONT_ENDS)(self._site, self._rng)
        self.front_ends.append(front_end)
        front_end.run()

    def _send(self, kind: str, *answers: list[Step], **how: object) -> Future[Sent]:
        text = self._site.provider.script(self._next(kind), *answers)
        sent = Sent(self.session_id, text, kind, **how)
        self.sent.append(sent)
        return self._read(sent)

    def _next(self, kind: str) -> str:
        """The text of the next message."""
        return f"{kind} {self._seed}-{len(self.sent)}"

    def _read(self, sent: Sent) -> Future[Sent]:
        rng = random.Random(f"{self._seed}-{len(self.sent)}")
        return self._pool.submit(Reader(self._site, rng, sent).read)

    def _interrupt(self) -> None:
        asked = time.monotonic()
        try:
            url = f"{self._site.url(self._rng)}/api/interrupt"
            answer = httpx.post(url, headers={"X-Session-Id": self.session_id}, timeout=patient(LATE_SECONDS), **PLAIN)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code == 200 and answer.json()["interrupted"]:
            ended = self.sent[-1]
            while not ended.ended_at and time.monotonic() < asked + patient(30):
                time.sleep(0.002)
            self.stops.append(ended.ended_at - asked)
        time.sleep(0.2 if answer is not None else 3)  # a web that did not answer may carry it out yet, on the next turn


HABITS: dict[Callable[[Person], None], int] = {
    Person.talk: 4,
    Person.use_tools: 3,
    Person.watch: 2,
    Person.stop: 4,
    Person.come_back: 3,
    Person.hurry: 2,
    Person.barge_in: 2,
    Person.ask_twice: 1,
    Person.pay: 3,
    Person.meet_a_bad_moment: 1,
    Person.meet_a_bad_end: 1,
    Person.erase: 2,
    Person.revise: 2,
    Person.approve: 4,
    Person.use_another_front_end: 4,
}
"""What people do, and how often."""


def _words(rng: random.Random) -> Text:
    return Text([f"{rng.randint(0, 9999)} " for _ in range(rng.randint(1, 30))], pause=rng.choice([0, 0.005, 0.03]))


class Listener(threading.Thread):
    """Follows a session's updates through every fault. `numbers` are those of the events that came, in order."""

    def __init__(self, site: Site, session_id: str, seed: str) -> None:
        super().__init__(daemon=True, name="listener")
        self.numbers: list[int] = []
        self._site = site
        self._session_id = session_id
        self._rng = random.Random(seed)
        self._over = threading.Event()

    def end(self) -> None:
        self._over.set()
        self.join(10)

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._listen()
            except httpx.TransportError:
                self._over.wait(0.1)

    def _listen(self) -> None:
        headers = {"X-Session-Id": self._session_id}
        if self.numbers:
            headers["Last-Event-ID"] = str(self.numbers[-1])
        url = f"{self._site.url(self._rng)}/api/updates"
        with httpx.stream("GET", url, headers=headers, timeout=5, **PLAIN) as answer:
            if answer.status_code != 200:
                self._over.wait(0.1)
                return
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    self._add(int(line[4:]))
                if self._over.is_set():
                    return

    def _add(self, number: int) -> None:
        """The state that is told to whoever connects has the number of the last event."""
        if not self.numbers or number != self.numbers[-1]:
            self.numbers.append(number)
