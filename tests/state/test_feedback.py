"""Feedback on replies: one of each key, whichever branch the reply is on, and gone with its thread."""

from __future__ import annotations

import pytest

from app.catalog import Webhook
from app.events import sse
from app.state import redis_keys
from app.state.conversation import transcript
from app.state.conversation.branches import NoMessage, UnfinishedMessage
from app.state.conversation.feedback import MOST_KEYS, Feedback, FeedbackStore, TooManyKeys
from app.state.webhooks.deliveries import Deliveries


class Raters:
    """Those who rate replies of a talk."""

    def __init__(self, talk, store):
        self.talk, self.store = talk, FeedbackStore(talk.branches._store)

    def give(self, reply, *feedback, thread="", **more):
        given = Feedback(*feedback, **more) if feedback else Feedback("user")
        return self.store.give(self.talk.sessions.get("s"), thread, reply, given)

    def shown(self):
        """The feedback on the messages of the active branch, by content, without its times."""
        snapshot = self.talk.sessions.histories.snapshot("s", None)
        messages = self.store.shown("s", snapshot.thread_id, transcript.for_clients(snapshot.messages))
        assert snapshot.has_feedback or all("feedback" not in one for one in messages)
        return {one["content"]: without_times(one["feedback"]) for one in messages if "feedback" in one}


def without_times(feedback):
    return [{name: part for name, part in one.items() if name != "created_at"} for one in feedback]


@pytest.fixture
def raters(talk, store):
    return Raters(talk, store)


def test_the_second_feedback_of_a_key_replaces_the_first_and_another_key_stands_beside_it(raters, talk):
    reply = talk.id_of("1")
    raters.give(reply, "user", "up", 1, "good")
    given = raters.give(reply, "user", "down", 0)
    assert given.app == "default"
    assert without_times(given.feedback) == [{"key": "user", "rating": "down", "score": 0}]
    raters.give(reply, "accuracy", score=0.123456789012345)
    user, accuracy = {"key": "user", "rating": "down", "score": 0}, {"key": "accuracy", "score": 0.123456789012345}
    assert raters.shown()["1"] in ([user, accuracy], [accuracy, user])  # in the same millisecond: by their names
    assert (given.message_id, given.thread_id) == (reply, talk.thread)


def test_feedback_without_any_part_takes_back_that_of_its_key_alone(raters, talk):
    reply = talk.id_of("1")
    raters.give(reply, "user", "up")
    raters.give(reply, "clarity", comment="so-so")
    assert without_times(raters.give(reply).feedback) == [{"key": "clarity", "comment": "so-so"}]
    assert raters.give(reply, "clarity").feedback == []
    assert raters.shown() == {}
    assert not raters.give(reply, "clarity").changed


def test_only_a_change_is_told_on_the_updates(raters, talk):
    reply = talk.id_of("1")
    raters.give(reply, "user", "up")
    number = talk.sessions.get("s")["updates"]
    assert not raters.give(reply, "user", "up").changed
    assert talk.sessions.get("s")["updates"] == number


def test_the_id_of_a_turn_means_its_last_reply(raters, talk):
    talk.send("use a tool")
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    first = [sse.text("calling"), sse.tool_call("c1", "T", {}), sse.tool_result("c1", "T", 1), sse.text("called")]
    talk.runs.append([("s", run.id, 1, first)])
    talk.runs.settle(talk.runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
    assert raters.give(run.id, "user", "up").message_id == f"{run.id}-1"
    talk.edit(talk.id_of("use a tool"), "use none", "fine")
    assert raters.give(run.id, "user", "down").message_id == f"{run.id}-1"


def test_feedback_on_a_reply_of_another_branch_is_there_when_that_is_chosen(raters, talk):
    reply = talk.id_of("2")
    talk.edit(talk.id_of("two"), "three", "3")
    raters.give(reply, "user", "down")
    assert raters.shown() == {}
    talk.choose(reply)
    assert list(raters.shown()) == ["2"]


def test_no_thread_and_no_reply_is_not_found_and_one_that_is_made_is_unfinished(raters, talk):
    for missing in ("nonsense", talk.id_of("one"), "run_0", ""):
        with pytest.raises(NoMessage):
            raters.give(missing, "user", "up")
    with pytest.raises(NoMessage):
        raters.give(talk.id_of("1"), "user", "up", thread="another")
    talk.send("go on")
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk.runs.append([("s", run.id, 1, [sse.text("half")])])
    for unfinished in (run.id, f"{run.id}-0"):
        with pytest.raises(UnfinishedMessage):
            raters.give(unfinished, "user", "up")


def test_a_reply_has_a_limited_number_of_keys(raters, talk):
    reply = talk.id_of("1")
    for number in range(MOST_KEYS):
        raters.give(reply, f"key{number}", "up")
    with pytest.raises(TooManyKeys):
        raters.give(reply, "one more", "up")
    raters.give(reply, "key0", "down")
    assert not raters.give(reply, "unknown").changed


def test_feedback_is_found_without_a_thread_and_goes_with_its_own(raters, talk, connection):
    reply, thread = talk.id_of("1"), talk.thread
    talk.sessions.open_thread("s", "newer")
    assert raters.give(reply, "user", "up").thread_id == thread
    assert connection.exists(redis_keys.feedback("s", thread))
    talk.sessions.delete_thread("s", thread)
    assert not connection.exists(redis_keys.feedback("s", thread))


def test_a_reply_knows_the_trace_that_its_turn_came_from_and_clients_do_not(raters, talk):
    talk.say("traced", "yes", trace_context={"request": "r", "traceparent": "00-aa-bb-01"})
    given = raters.give(talk.id_of("yes"), "user", "up")
    assert given.traceparent == "00-aa-bb-01"
    assert raters.give(talk.id_of("1"), "user", "up").traceparent == ""
    assert not [one for one in transcript.for_clients(talk.shown) if "trace" in one]


TOLD = Webhook(url="https://receiver.example", secret="os.environ/SECRET", events=("feedback.given",))


@pytest.fixture
def told(talk, store):
    """Raters whose feedback on replies of the app `default` is told."""
    raters = Raters(talk, store)
    raters.store = FeedbackStore(talk.branches._store, {"default": TOLD}.get)
    raters.deliveries = Deliveries(store)
    raters.told = lambda: [raters.deliveries.get(place) for place, _ in raters.deliveries.due("default")]
    return raters


def ratings(raters):
    return sorted((one.data["key"], one.data["rating"]) for one in raters.told() if one)


def test_feedback_is_told_with_its_rating_or_not_at_all(told, talk, store, monkeypatch):
    """A web that dies right behind the step, or the deletion of the thread between: nothing is lost, nothing left."""
    monkeypatch.setattr(told.store._webhooks, "release", lambda *_: None)
    told.give(talk.id_of("1"), "user", "up")
    ((place, at),) = told.deliveries.due("default")
    assert at > store.clock.now()
    assert told.deliveries.get(place).data["rating"] == "up"
    find = told.store._find

    def find_what_goes(*args):
        found = find(*args)
        talk.sessions.delete_thread("s", talk.thread)
        return found

    monkeypatch.setattr(told.store, "_find", find_what_goes)
    with pytest.raises(NoMessage):
        told.give(talk.id_of("2"), "user", "up")
    assert [one.data["rating"] for one in told.told()] == ["up"]


def test_what_changes_nothing_leaves_nothing_in_the_index(told, talk, monkeypatch):
    monkeypatch.setattr("app.state.conversation.feedback.MOST_KEYS", 1)
    reply = talk.id_of("1")
    told.give(reply, "user", "up")
    told.give(reply, "user", "up")
    told.give(reply, "accuracy")
    with pytest.raises(TooManyKeys):
        told.give(reply, "accuracy", "up")
    assert [one.data["rating"] for one in told.told()] == ["up"]


def test_feedback_is_told_as_long_as_its_message_is_there(told, talk, connection):
    reply = talk.id_of("1")
    connection.delete(redis_keys.run("s", reply.rpartition("-")[0]))
    assert told.give(reply, "user", "up").app == "default"
    assert ratings(told) == [("user", "up")]


def test_a_reply_of_an_earlier_version_is_told_while_its_turn_is_kept_and_never_to_another_app(told, talk, connection):
    name, reply = redis_keys.messages("s", talk.thread), talk.id_of("1")
    stored = connection.lrange(name, 0, -1)
    connection.delete(name)
    connection.rpush(name, *(raw.replace(b'"app":"default",', b"") for raw in stored))
    assert told.give(reply, "user", "up").app == "default"
    connection.delete(redis_keys.run("s", reply.rpartition("-")[0]))
    assert told.give(reply, "user", "down").app == ""
    assert ratings(told) == [("user", "up")]


def test_of_a_thumb_that_flips_only_the_newest_rating_waits_for_the_receiver(told, talk, connection):
    reply = talk.id_of("1")
    for _ in range(3):
        told.give(reply, "user", "up")
        told.give(reply, "user", "down")
        told.give(reply)
    told.give(reply, "user", "up")
    told.give(reply, "accuracy", "down")
    told.give(talk.id_of("2"), "user", "down")
    assert ratings(told) == [("accuracy", "down"), ("user", "down"), ("user", "up")]
    assert len([name for name in connection.scan_iter() if b":webhook:" in name]) == 3


def test_a_rating_that_was_delivered_is_not_replaced(told, talk):
    reply = talk.id_of("1")
    told.give(reply, "user", "up")
    (first,) = told.told()
    told.deliveries.delivered(first)
    told.give(reply)
    (second,) = told.told()
    assert (second.data["rating"], second.id == first.id) == (None, False)


def test_a_rating_that_fails_while_it_is_replaced_does_not_come_back(told, talk):
    reply = talk.id_of("1")
    told.give(reply, "user", "up")
    (place, *_) = told.deliveries.take_due("default", 1, 60)
    before = told.deliveries.get(place)
    told.give(reply, "user", "down")
    told.deliveries.failed(before, "status 500")
    assert ratings(told) == [("user", "down")]


def test_keys_that_come_and_go_leave_a_bounded_number_of_messages(told, talk, monkeypatch):
    monkeypatch.setattr("app.state.conversation.feedback.MOST_KEYS", 2)
    reply = talk.id_of("1")
    for number in range(6):
        told.give(reply, f"key{number}", "up")
        told.give(reply, f"key{number}")
    assert len(ratings(told)) == 4
    assert "key5" in dict(ratings(told))
