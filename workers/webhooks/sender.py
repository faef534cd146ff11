"""The loop that takes messages that are due and sends each in a thread of its own.

A receiver that hangs holds `MAX_OF_APP` threads of this process at first, each for AOMI_WEBHOOK_TIMEOUT, and then one,
until it takes a message again. A thread that waits for a response costs little.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from datetime import datetime, timedelta

from app import exact_json
from app.background import BackgroundLoop, Backoff, count_failure
from app.catalog import Webhook
from app.catalog.webhooks import WebhookNotReady
from app.services import Services
from app.state.connection.clients import Unavailable
from app.state.webhooks.deliveries import Place
from app.state.webhooks.messages import WebhookMessage
from app.telemetry.logs import short_session_id
from workers.webhooks import sending, signing
from workers.webhooks.sending import SendFailed

log = logging.getLogger(__name__)

NAME = "webhook sender"

PAUSE_SECONDS = 0.5
"""Between two looks for messages that are due."""

MAX_IN_FLIGHT, MAX_OF_APP = 256, 4
"""Messages that this process sends at the same time, in all and of one app. It is one of each app that failed last, and
of each app once half of all threads are taken."""

CLAIM_SECONDS = 60
"""Beyond the time of an attempt, for which a worker has a message: to look up a name may take half of it."""

WITHOUT_USAGE = ("tool.done", "feedback.given")
"""The usage of a turn is told once, at its end."""

USAGE_SECONDS = 10
"""Beyond a lease, for which a message waits for the usage of its turn's last model call."""

STOP_SECONDS = 5.0


class WebhookSender:
    """Sends the messages of all apps that have a webhook. Without such an app it makes no Redis call."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._deliveries = services.webhooks
        self._seconds = services.settings.webhook_timeout
        self._claim = self._seconds + CLAIM_SECONDS
        self._in_flight: Counter[str] = Counter()
        self._failing: set[str] = set()
        self._ended = 0
        self._changed = threading.Condition()
        self._loop = BackgroundLoop(self._send_due, Backoff(NAME, Unavailable), PAUSE_SECONDS)

    def start(self) -> None:
        """Start the loop."""
        self._loop.start()

    def stop(self) -> None:
        """Take no more messages, and wait a little for those under way. Another worker sends again what is not done."""
        self._loop.stop(timeout=STOP_SECONDS)
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight.total(), STOP_SECONDS)

    def _send_due(self) -> None:
        """Send what is due, and look again as soon as a thread is free while there is more."""
        while True:
            ended = self._ended
            if not self._begin_due() or self._loop.stopping:
                return
            with self._changed:
                self._changed.wait_for(lambda: self._ended > ended, PAUSE_SECONDS)  # noqa: B023 - it is called at once

    def _begin_due(self) -> bool:
        """Whether there was a message, and a thread for it."""
        taken = False
        webhooks = {app.id: app.webhook for app in self._services.present.catalog.apps if app.webhook}
        for app_id in sorted(webhooks, key=self._in_flight.__getitem__):  # no receiver keeps the others waiting
            free = self._free(app_id)
            for place in self._deliveries.take_due(app_id, free, self._claim) if free > 0 else ():
                taken = True
                self._begin(webhooks[app_id], place)
        return taken

    def _free(self, app_id: str) -> int:
        """How many messages of the app may begin now."""
        taken = self._in_flight.total()
        most = 1 if app_id in self._failing or taken >= MAX_IN_FLIGHT // 2 else MAX_OF_APP
        return min(most - self._in_flight[app_id], MAX_IN_FLIGHT - taken)

    def _begin(self, webhook: Webhook, place: Place) -> None:
        until = time.monotonic() + self._claim - self._seconds
        thread = threading.Thread(target=self._run, args=(webhook, place, until), name=f"aomi {NAME}", daemon=True)
        with self._changed:
            try:
                thread.start()
            except RuntimeError:  # the system has no thread left: the claim ends, and the message is sent again
                count_failure(NAME)
            else:
                self._in_flight[place.app] += 1

    def _run(self, webhook: Webhook, place: Place, until: float) -> None:
        try:
            self._deliver(webhook, place, until)
        except Unavailable:
            count_failure(NAME)  # its claim ends, and it is sent again
        except Exception:
            count_failure(NAME)
            log.exception("could not send webhook message %s of app %r", place.message_id, place.app)
        finally:
            with self._changed:
                self._in_flight[place.app] -= 1
                self._ended += 1
                self._changed.notify_all()

    def _deliver(self, webhook: Webhook, place: Place, until: float) -> None:
        message = self._deliveries.get(place)
        if message is None:
            self._deliveries.drop_unless_expected(place)
            return
        if not message.usage and (message := self._with_usage(message)) is None:
            return
        if time.monotonic() < until:  # otherwise another worker may have it by now
            self._attempt(webhook, message)

    def _with_usage(self, message: WebhookMessage) -> WebhookMessage | None:
        """None while the usage of the turn's last model call is not known yet."""
        services = self._services
        run = services.runs.get(message.session_id, message.run_id) if message.type not in WITHOUT_USAGE else None
        age = services.clock.now() - datetime.fromisoformat(message.created_at)
        if run and run.has_unsettled_calls and age < timedelta(seconds=services.settings.lease + USAGE_SECONDS):
            self._deliveries.wait(message, PAUSE_SECONDS)
            return None
        return self._deliveries.with_usage(message, exact_json.dumps(run.usage.shown() if run and run.usage else None))

    def _attempt(self, webhook: Webhook, message: WebhookMessage) -> None:
        body, now = message.body(), int(self._services.clock.now().timestamp())
        try:
            receiver = webhook.receiver()
            headers = signing.headers(receiver.keys, message.id, now, body)
            answer = sending.post(receiver.url, headers, body, self._seconds)
        except (SendFailed, WebhookNotReady) as error:
            self._failed(message, str(error))
            return
        if answer.is_received:
            self._failing.discard(message.app)
            self._deliveries.delivered(message)
            self._services.metrics.webhook_sent(message.app, "delivered")
        elif answer.is_gone:
            self._deliveries.give_up(message, "status 410")
            self._given_up(message, "status 410")
        else:
            self._failed(message, f"status {answer.status}", answer.retry_after)

    def _failed(self, message: WebhookMessage, error: str, pause: float = 0) -> None:
        self._failing.add(message.app)
        if not self._deliveries.failed(message, error, pause):
            self._given_up(message, error)
            return
        self._services.metrics.webhook_sent(message.app, "failed")
        if not message.attempts:
            log.warning("the webhook of app %r failed (%s); %s is sent again later", message.app, error, message.id)

    def _given_up(self, message: WebhookMessage, error: str) -> None:
        self._services.metrics.webhook_sent(message.app, "given_up")
        session = short_session_id(message.session_id)
        told = "the webhook of app %r failed (%s); %s of session %s is given up; `aomi webhooks retry` sends it again"
        log.error(told, message.app, error, message.id, session)
