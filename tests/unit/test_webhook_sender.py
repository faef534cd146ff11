"""The loop that sends webhook messages: a receiver that hangs takes few threads, and no other receiver waits for it."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

from app.catalog import App, Webhook
from app.state.webhooks.deliveries import Place
from app.state.webhooks.messages import WebhookMessage
from tests.support.patience import patient, until
from tests.support.receiver import SECRET, Receiver
from tests.support.servers import serving
from workers.webhooks.sender import MAX_IN_FLIGHT, MAX_OF_APP, WebhookSender

WEBHOOK = Webhook(url="https://x.example", secret="os.environ/S")
MANY = [App(id=f"app{number:03}", model="demo", webhook=WEBHOOK) for number in range(MAX_IN_FLIGHT + 20)]
APPS = [*MANY, App(id="silent", model="demo")]
HALF = MAX_IN_FLIGHT // 2


class Hanging:
    """Messages without an end, each of which is held until the event is set; then there is none."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.taken: list[tuple[str, int]] = []
        self.dropped: list[Place] = []

    def take_due(self, app: str, count: int, seconds: float) -> list[Place]:
        self.taken.append((app, count))
        return [Place("s", app, f"msg_{number}") for number in range(count)]

    def get(self, place: Place) -> None:
        self.go_on.wait(patient(30))

    def drop_unless_expected(self, place: Place) -> None:
        self.dropped.append(place)


def sender_of(messages, apps=APPS):
    """A sender of these messages, and they."""
    services = SimpleNamespace(
        webhooks=messages,
        present=SimpleNamespace(catalog=SimpleNamespace(apps=apps)),
        settings=SimpleNamespace(webhook_timeout=patient(60)),
        clock=SimpleNamespace(now=lambda: datetime.now(UTC)),
        metrics=SimpleNamespace(webhook_sent=lambda *_: None),
    )
    return WebhookSender(services), messages


def test_what_is_under_way_is_bounded_and_shared_and_an_app_without_a_webhook_is_not_asked():
    sender, hanging = sender_of(Hanging())
    sender._send_due()
    names, many, rest = [app.id for app in MANY], HALF // MAX_OF_APP, MAX_IN_FLIGHT - HALF
    assert hanging.taken[:many] == [(name, MAX_OF_APP) for name in names[:many]]
    assert hanging.taken[many:] == [(name, 1) for name in names[many : many + rest]]
    sender._send_due()
    assert len(hanging.taken) == many + rest
    hanging.go_on.set()
    until(lambda: len(hanging.dropped) == MAX_IN_FLIGHT)
    until(lambda: not sender._in_flight.total())
    sender._in_flight.update(app.id for app in MANY[:2])
    sender._begin_due()
    assert hanging.taken[many + rest] == (MANY[2].id, MAX_OF_APP)


def test_a_receiver_that_failed_has_one_thread_until_it_takes_a_message_again():
    sender, hanging = sender_of(Hanging())
    sender._failing.add(MANY[0].id)
    sender._begin_due()
    assert hanging.taken[:2] == [(MANY[0].id, 1), (MANY[1].id, MAX_OF_APP)]
    hanging.go_on.set()


def test_without_a_thread_for_it_a_message_is_left_to_the_next_attempt(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    sender, _ = sender_of(Hanging())
    monkeypatch.setattr(threading.Thread, "start", start)
    assert sender._begin_due()
    assert not sender._in_flight.total()


class Prompt(Hanging):
    """So many messages of one app, each of which is done at once."""

    def __init__(self, messages: int) -> None:
        super().__init__()
        self.left = messages
        self.go_on.set()

    def take_due(self, app: str, count: int, seconds: float) -> list[Place]:
        taken = min(count, self.left) if app == MANY[0].id else 0
        self.left -= taken
        return super().take_due(app, taken, seconds)


def test_a_receiver_that_responds_at_once_gets_all_that_is_due_without_a_pause(monkeypatch):
    monkeypatch.setattr("workers.webhooks.sender.PAUSE_SECONDS", 3600)
    sender, prompt = sender_of(Prompt(50))
    sender._send_due()
    until(lambda: len(prompt.dropped) == 50)


class OfEachApp:
    """Four messages of each app; `results` has how the attempts ended."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.results: list[tuple[str, object]] = []

    def take_due(self, app: str, count: int, seconds: float) -> list[Place]:
        before, self.taken[app] = self.taken[app], min(self.taken[app] + count, 4)
        return [Place(f"session of {app}", app, f"msg_{number}") for number in range(before, self.taken[app])]

    def get(self, place: Place) -> WebhookMessage:
        data = {"session_id": place.session_id}
        return WebhookMessage(*place, "tool.done", "run_1", "2026-01-01T00:00:00Z", data, usage="null")

    def delivered(self, message: WebhookMessage) -> None:
        self.results.append((message.app, "delivered"))

    def failed(self, message: WebhookMessage, error: str, pause: float = 0) -> bool:
        self.results.append((message.app, error))
        return True

    def give_up(self, message: WebhookMessage, error: str) -> None:
        self.results.append((message.app, error))


def test_one_receiver_gets_its_messages_while_twenty_others_hang(monkeypatch):
    monkeypatch.setenv("S", SECRET)
    receiver = Receiver()
    with serving(receiver.handle) as url:
        paths = {f"a{number:02}": "/hang" for number in range(20)} | {"well": "/hook"}
        apps = [
            App(id=name, model="demo", webhook=Webhook(url=url + path, secret="os.environ/S"))
            for name, path in paths.items()
        ]
        sender, messages = sender_of(OfEachApp(), apps)
        sender.start()
        receiver.wait_for("session of well", 4)
        assert {app for app, _ in messages.results} <= {"well"}
        receiver.hang.set()
        until(lambda: len(messages.results) == 4 * len(apps))
        sender.stop()


def test_a_redirect_of_a_receiver_is_not_followed_and_what_is_gone_is_given_up(monkeypatch):
    """An answer must not lead a worker to an address of its own network."""
    monkeypatch.setenv("S", SECRET)
    asked = []

    def answer(request):
        asked.append(request.path)
        request.send_response(int(request.path[1:4]))
        request.send_header("Location", "/200")
        request.send_header("Content-Length", "0")
        request.end_headers()

    with serving(answer) as url:
        statuses = ("301", "302", "303", "307", "308", "410")
        apps = [
            App(id=one, model="demo", webhook=Webhook(url=f"{url}/{one}", secret="os.environ/S")) for one in statuses
        ]
        sender, messages = sender_of(OfEachApp(), apps)
        sender.start()
        until(lambda: len(messages.results) == 4 * len(apps))
        sender.stop()
    assert set(messages.results) == {(one, f"status {one}") for one in statuses}
    assert "/200" not in asked
