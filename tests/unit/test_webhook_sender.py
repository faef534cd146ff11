"""The loop that sends webhook messages: a receiver that hangs takes few threads, and no other receiver waits for it."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from app.catalog import App, Webhook
from app.state.webhooks.deliveries import Place
from tests.support.patience import patient, until
from workers.webhooks.sender import MAX_IN_FLIGHT, MAX_OF_APP, WebhookSender

WEBHOOK = Webhook(url="https://x.example", secret="os.environ/S")
APPS = [App(id=name, model="demo", webhook=WEBHOOK) for name in "abcdef"] + [App(id="silent", model="demo")]


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


def sender_of(messages):
    """A sender of these messages, and they."""
    present, settings = SimpleNamespace(catalog=SimpleNamespace(apps=APPS)), SimpleNamespace(webhook_timeout=15)
    return WebhookSender(SimpleNamespace(webhooks=messages, present=present, settings=settings)), messages


def test_what_is_under_way_is_bounded_and_shared_and_an_app_without_a_webhook_is_not_asked():
    sender, hanging = sender_of(Hanging())
    sender._send_due()
    assert hanging.taken == [(name, MAX_OF_APP) for name in "abcd"]
    sender._send_due()
    assert len(hanging.taken) == MAX_IN_FLIGHT // MAX_OF_APP
    hanging.go_on.set()
    until(lambda: len(hanging.dropped) == MAX_IN_FLIGHT)
    until(lambda: not sender._in_flight.total())
    hanging.go_on.clear()
    sender._in_flight.update("ab")
    sender._send_due()
    assert hanging.taken[4:] == [(name, MAX_OF_APP) for name in "cde"] + [("f", 2)]
    hanging.go_on.set()


class Prompt(Hanging):
    """So many messages of one app, each of which is done at once."""

    def __init__(self, messages: int) -> None:
        super().__init__()
        self.left = messages
        self.go_on.set()

    def take_due(self, app: str, count: int, seconds: float) -> list[Place]:
        taken = min(count, self.left) if app == "a" else 0
        self.left -= taken
        return super().take_due(app, taken, seconds)


def test_a_receiver_that_responds_at_once_gets_all_that_is_due_without_a_pause(monkeypatch):
    monkeypatch.setattr("workers.webhooks.sender.PAUSE_SECONDS", 3600)
    sender, prompt = sender_of(Prompt(50))
    sender._send_due()
    until(lambda: len(prompt.dropped) == 50)
