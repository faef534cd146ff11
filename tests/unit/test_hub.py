"""The hub: what is published reaches every open stream of the process, or the stream hears that it missed something."""

from __future__ import annotations

import time

import pytest

from app.events import sse
from app.live.hub import MAX_UNREAD, Closed, FrameBatch, Gap, Hub, Subscription
from app.state.connection.pubsub import PubSubListener
from tests.support.patience import patient
from tests.unit.pubsub import FakeRedis

SOON = patient(10)
"""Seconds within which something must have happened."""


@pytest.fixture
def redis():
    return FakeRedis()


@pytest.fixture
def hub(redis):
    """A hub that is connected: the gap of its first connection is over."""
    hub = Hub(PubSubListener(redis))
    with hub.subscribe("warm-up"):
        return hub


def message(number, content="a"):
    return b"%d %d text\n" % (number, number) + sse.frame(sse.text(content))


def following(subscription):
    """The next batch, however long it takes."""
    subscription.due = time.monotonic() + SOON
    subscription.wait()
    return subscription.take()


def frames(*contents):
    return b"".join(sse.frame(sse.text(content)) for content in contents)


def test_a_follower_gets_what_is_published_on_its_channel_alone(hub, redis):
    with hub.subscribe("ours") as subscription:
        redis.publish("theirs", message(1, "b"))
        redis.publish("ours", message(2, "a"))
        assert following(subscription) == FrameBatch(2, 2, "text", frames("a"))


def test_every_follower_of_a_channel_gets_its_messages(hub, redis):
    with hub.subscribe("ours") as first, hub.subscribe("ours") as second:
        redis.publish("ours", message(1))
        assert following(first) == following(second) == FrameBatch(1, 1, "text", frames("a"))


def test_nothing_connects_before_the_first_stream_opens(redis):
    Hub(PubSubListener(redis))
    assert redis.connections == []


def test_all_streams_share_one_connection(hub, redis):
    with hub.subscribe("ours"), hub.subscribe("theirs"):
        assert len(redis.connections) == 1


def test_a_channel_is_held_until_its_last_follower_leaves(hub, redis):
    with hub.subscribe("ours"):
        with hub.subscribe("ours"):
            pass
        assert redis.subscribed("ours")
    assert not redis.subscribed("ours")


def test_open_streams_are_counted(hub):
    with hub.subscribe("ours"), hub.subscribe("ours"), hub.subscribe("theirs"):
        assert hub.open_streams == 3
    assert hub.open_streams == 0


def test_a_lost_connection_sends_every_follower_to_its_log(hub, redis):
    with hub.subscribe("ours") as ours, hub.subscribe("theirs") as theirs:
        redis.cut()
        for subscription in (ours, theirs):
            with pytest.raises(Gap):
                following(subscription)


def test_a_follower_hears_again_after_a_lost_connection(hub, redis):
    with hub.subscribe("ours") as subscription:
        redis.cut()
        with pytest.raises(Gap):
            following(subscription)
        redis.publish("ours", message(1))
        assert following(subscription).last == 1


def test_closing_ends_the_open_streams(hub):
    with hub.subscribe("ours") as subscription:
        hub.close()
        with pytest.raises(Closed):
            following(subscription)


def test_a_closed_hub_ends_a_stream_that_opens_later(hub):
    hub.close()
    with hub.subscribe("ours") as subscription, pytest.raises(Closed):
        following(subscription)


def test_an_expected_channel_is_taken_over_with_all_that_was_published(hub, redis):
    hub.expect("ours")
    redis.publish("ours", message(1))
    with hub.subscribe("ours") as subscription:
        assert following(subscription) == FrameBatch(1, 1, "text", frames("a"))
        assert not subscription.is_whole
    assert (hub.open_streams, hub._expected) == (0, {})


def test_an_expected_channel_that_was_heard_from_its_first_message_on_is_whole(hub):
    hub.expect("ours")
    hub.heard("ours")
    with hub.subscribe("ours") as subscription:
        assert subscription.is_whole
    with hub.subscribe("ours") as subscription:
        assert not subscription.is_whole


def test_an_expected_channel_is_left_if_no_reader_comes(hub, redis):
    forget = hub.expect("ours")
    forget()
    assert not redis.subscribed("ours")
    assert (hub.open_streams, hub._expected) == (0, {})
    hub.heard("ours")


def test_an_expected_channel_that_a_reader_has_stays_with_it(hub, redis):
    forget = hub.expect("ours")
    with hub.subscribe("ours") as subscription:
        forget()
        redis.publish("ours", message(1))
        assert following(subscription) == FrameBatch(1, 1, "text", frames("a"))


# One mailbox


def test_silence_is_none():
    assert Subscription().take() is None


def test_a_reader_that_falls_behind_gets_what_there_was_room_for_and_then_a_gap():
    subscription = Subscription()
    for number in range(1, MAX_UNREAD + 10):
        subscription.push(message(number))
    taken = [subscription.take().last for _ in range(MAX_UNREAD)]
    assert taken == list(range(1, MAX_UNREAD + 1))
    with pytest.raises(Gap):
        subscription.take()
    assert subscription.take() is None


def test_a_reader_that_has_caught_up_gets_messages_again():
    subscription = Subscription()
    for number in range(MAX_UNREAD + 1):
        subscription.push(message(number))
    for _ in range(MAX_UNREAD):
        subscription.take()
    with pytest.raises(Gap):
        subscription.take()
    subscription.push(message(1000))
    assert subscription.take().last == 1000


# One batch


@pytest.mark.parametrize(
    ("number", "first", "contents"),
    [(2, 5, "abc"), (4, 5, "abc"), (5, 6, "bc"), (6, 7, "c")],
)
def test_the_part_of_a_batch_behind_a_number(number, first, contents):
    batch = FrameBatch(5, 7, "text", frames("a", "b", "c"))
    assert batch.after(number) == FrameBatch(first, 7, "text", frames(*contents))
