"""The hub: what is published reaches every open stream of the process, or the stream hears that it missed something."""

from __future__ import annotations

import pytest

from app.events import sse
from app.live.hub import MAILBOX, Closed, FrameBatch, Gap, Hub, Subscription
from tests.unit.pubsub import FakeRedis

SOON = 2.0
"""Seconds within which something must have happened."""


@pytest.fixture
def redis():
    return FakeRedis()


@pytest.fixture
def hub(redis):
    """A hub that is connected: the gap of its first connection is over."""
    hub = Hub(redis)
    with hub.follow("warm-up"):
        return hub


def message(number, content="a"):
    return b"%d %d text\n" % (number, number) + sse.frame(sse.text(content))


def frames(*contents):
    return b"".join(sse.frame(sse.text(content)) for content in contents)


def test_a_follower_gets_what_is_published_on_its_channel_alone(hub, redis):
    with hub.follow("ours") as mailbox:
        redis.publish("theirs", message(1, "b"))
        redis.publish("ours", message(2, "a"))
        assert mailbox.take(SOON) == FrameBatch(2, 2, "text", frames("a"))


def test_every_follower_of_a_channel_gets_its_messages(hub, redis):
    with hub.follow("ours") as first, hub.follow("ours") as second:
        redis.publish("ours", message(1))
        assert first.take(SOON) == second.take(SOON) == FrameBatch(1, 1, "text", frames("a"))


def test_nothing_connects_before_the_first_stream_opens(redis):
    Hub(redis)
    assert redis.connections == []


def test_all_streams_share_one_connection(hub, redis):
    with hub.follow("ours"), hub.follow("theirs"):
        assert len(redis.connections) == 1


def test_a_channel_is_held_until_its_last_follower_leaves(hub, redis):
    with hub.follow("ours"):
        with hub.follow("ours"):
            pass
        assert redis.subscribed("ours")
    assert not redis.subscribed("ours")


def test_open_streams_are_counted(hub):
    with hub.follow("ours"), hub.follow("ours"), hub.follow("theirs"):
        assert hub.open_streams == 3
    assert hub.open_streams == 0


def test_a_lost_connection_sends_every_follower_to_its_log(hub, redis):
    with hub.follow("ours") as ours, hub.follow("theirs") as theirs:
        redis.cut()
        for mailbox in (ours, theirs):
            with pytest.raises(Gap):
                mailbox.take(SOON)


def test_a_follower_hears_again_after_a_lost_connection(hub, redis):
    with hub.follow("ours") as mailbox:
        redis.cut()
        with pytest.raises(Gap):
            mailbox.take(SOON)
        redis.publish("ours", message(1))
        assert mailbox.take(SOON).last == 1


def test_closing_ends_the_open_streams(hub):
    with hub.follow("ours") as mailbox:
        hub.close()
        with pytest.raises(Closed):
            mailbox.take(SOON)


def test_a_closed_hub_ends_a_stream_that_opens_later(hub):
    hub.close()
    with hub.follow("ours") as mailbox, pytest.raises(Closed):
        mailbox.take(SOON)


# One mailbox


def test_silence_is_none():
    assert Subscription().take(0) is None


def test_a_reader_that_falls_behind_gets_what_there_was_room_for_and_then_a_gap():
    mailbox = Subscription()
    for number in range(1, MAILBOX + 10):
        mailbox.put(message(number))
    taken = [mailbox.take(0).last for _ in range(MAILBOX)]
    assert taken == list(range(1, MAILBOX + 1))
    with pytest.raises(Gap):
        mailbox.take(0)
    assert mailbox.take(0) is None


def test_a_reader_that_has_caught_up_gets_messages_again():
    mailbox = Subscription()
    for number in range(MAILBOX + 1):
        mailbox.put(message(number))
    for _ in range(MAILBOX):
        mailbox.take(0)
    with pytest.raises(Gap):
        mailbox.take(0)
    mailbox.put(message(1000))
    assert mailbox.take(0).last == 1000


# One batch


@pytest.mark.parametrize(
    ("number", "first", "contents"),
    [(2, 5, "abc"), (4, 5, "abc"), (5, 6, "bc"), (6, 7, "c")],
)
def test_the_part_of_a_batch_behind_a_number(number, first, contents):
    batch = FrameBatch(5, 7, "text", frames("a", "b", "c"))
    assert batch.after(number) == FrameBatch(first, 7, "text", frames(*contents))
