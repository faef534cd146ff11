"""What holds of a thread whatever is edited, answered again, chosen and withdrawn, and what a prompt of it costs."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from app import exact_json
from app.events import sse
from app.state import redis_keys
from app.state.conversation.export import Export
from app.state.tools.step_calls import StepToolCall, StepToolCalls
from app.state.turns.turn_requests import BranchPoint
from tests.support.talk import Talk

STEPS = 40


@dataclass
class Node:
    """A message of the model of a thread; `followers` are in the order in which they came."""

    text: str
    parent: Node | None = None
    followers: list[Node] = field(default_factory=list)
    call: StepToolCall | None = None
    steps: int = 0
    """Of its call, the later ones."""

    def add(self, text: str) -> Node:
        self.followers.append(Node(text, self))
        return self.followers[-1]

    def path(self) -> list[Node]:
        """From the first message to this one."""
        return [*self.parent.path(), self] if self.parent else []

    def below(self) -> list[Node]:
        return [self, *(node for one in self.followers for node in one.below())]


class Model:
    """What a person expects of a thread. Texts are unique."""

    def __init__(self, seed: int) -> None:
        self.root = self.leaf = Node("")
        self.random = random.Random(seed)
        self.number = 0

    def new_text(self, kind: str) -> str:
        self.number += 1
        return f"{kind}{self.number}"

    def messages(self, kind: str = "") -> list[Node]:
        return [node for node in self.root.below()[1:] if node.text.startswith(kind)]


def turn(model: Model, talk: Talk, ids: dict[str, str]) -> None:
    """One random turn, in the model and in the state."""
    asked, replied = model.messages("q"), model.new_text("a")
    kind = model.random.choice(["say", "edit", "regenerate", "withdraw"] if asked else ["say"])
    if kind == "say":
        model.leaf = model.leaf.add(model.new_text("q")).add(replied)
        talk.say(model.leaf.parent.text, replied)
        return
    target = model.random.choice(asked)
    point = BranchPoint("regenerate" if kind == "regenerate" else "edit", ids[target.text])
    if kind == "regenerate":
        model.leaf = target.add(replied)
        talk.say("", replied, point)
    elif kind == "edit":
        model.leaf = target.parent.add(model.new_text("q")).add(replied)
        talk.say(model.leaf.parent.text, replied, point)
    else:
        withdrawn = talk.send("never mind", point)
        sealed = talk.runs.withdraw("s", withdrawn.run_id)
        talk.runs.settle(sealed, {"type": "complete", "interrupted": True})


def step(model: Model, talk: Talk, calls: StepToolCalls) -> None:
    """A random answer calls a tool, or has a later step of its call."""
    answer = model.random.choice(model.messages("a"))
    if answer.call:
        answer.steps += 1
        assert calls.deliver(answer.call, answer.steps + 1, f"{answer.text} {answer.steps:03}", done=False)
        return
    model.leaf = model.leaf.add(model.new_text("q")).add(model.new_text("a"))
    talk.send(model.leaf.parent.text)
    run_id, thread = talk.runs.current("s"), talk.thread
    model.leaf.call = StepToolCall("s", run_id, f"c{model.number}", thread, "default", "Watch", {})
    run = talk.answer(
        model.leaf.text,
        sse.tool_call(model.leaf.call.call_id, "Watch", {}),
        sse.tool_result(model.leaf.call.call_id, "Watch", "first"),
    )
    assert run.id == run_id
    store = calls._store
    store.redis.hset(model.leaf.call.redis_key, mapping=model.leaf.call.fields() | {"steps": 1})


def call_of(told: str) -> str:
    return told.split()[0]


def choose(model: Model, talk: Talk, ids: dict[str, str]) -> None:
    """A random message is chosen; of leaves of the same moment any may be the newest."""
    target = model.random.choice(model.messages())
    assert talk.choose(ids[target.text]) == "chosen"
    shown = next(one["content"] for one in reversed(talk.shown) if one["role"] != "tool")
    model.leaf = next(node for node in target.below() if node.text == shown)
    assert not model.leaf.followers


@pytest.mark.parametrize("connection", ["fakeredis", "redis"], indirect=True)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 4))])
def test_the_list_is_a_path_no_message_is_lost_and_siblings_agree(connection, store, sessions, said, seed):
    model, talk, ids, calls = Model(seed), Talk(store, sessions, said), {}, StepToolCalls(store)
    for _ in range(STEPS):
        turn(model, talk, ids)
        if model.random.random() < 0.5:
            step(model, talk, calls)
        everything = talk.shown
        told = [result["result"] for one in everything if one["role"] == "tool" for result in one["tool_results"]]
        expected = [f"{node.text} {number + 1:03}" for node in model.leaf.path() for number in range(node.steps)]
        assert sorted(told, key=call_of) == sorted(expected, key=call_of)
        assert len({one["id"] for one in everything}) == len(everything)
        parents = dict(zip((one["id"] for one in everything), [None, *(one["id"] for one in everything)], strict=False))
        shown = [one for one in everything if one["role"] != "tool"]
        ids |= {message["content"]: message["id"] for message in shown}
        for node, message in zip(model.leaf.path(), shown, strict=True):
            assert message["content"] == node.text
            assert message["parent_id"] == parents[message["id"]]
            siblings = [ids[one.text] for one in node.parent.followers]
            assert message.get("siblings", [message["id"]]) == siblings
        (thread,) = Export(store).session("s")["threads"]
        aside = [message for branch in thread["branches"] for message in branch["messages"]]
        kept = [one for one in thread["messages"] + aside if "copy_of" not in one]
        nodes = model.messages()
        assert Counter(one["content"] for one in kept if one["content"]) == Counter(node.text for node in nodes)
        assert len([one for one in kept if one["role"] == "tool"]) == sum(node.steps for node in nodes)
        if model.random.random() < 0.4:
            choose(model, talk, ids)


@pytest.mark.parametrize("connection", ["redis"], indirect=True)
def test_a_prompt_behind_many_messages_in_many_branches_costs_what_it_costs_behind_a_few(
    connection, store, sessions, said
):
    """By commands that Redis runs and bytes that it sends: the least of three times, since other clients of that server
    add theirs."""

    def cost(messages, branches):
        connection.flushdb()
        talk = Talk(store, sessions, said)
        talk.say("q" * 50, "a" * 50)
        key = redis_keys.messages("s", talk.thread)
        last = exact_json.loads(connection.lindex(key, -1))
        filler = [exact_json.dumps(last | {"id": f"run_{number:032x}-0"}) for number in range(messages - 2)]
        for raw in filler:
            connection.rpush(key, raw)
        for number in range(branches):
            talk.say("q" * 50, f"{number:050}")
            talk.regenerate("", f"{number:050}")
        run_id = talk.send("q" * 50).run_id
        connection.config_resetstat()
        before = connection.info("stats")["total_net_output_bytes"]
        run = talk.runs.claim("s", run_id, "worker")
        prompt = sessions.histories.history(run, 1000)
        after = connection.info("stats")["total_net_output_bytes"]
        calls = sum(part["calls"] for name, part in connection.info("commandstats").items() if "info" not in name)
        return calls, after - before, len(prompt)

    def least(messages, branches):
        return [min(values) for values in zip(*(cost(messages, branches) for _ in range(3)), strict=True)]

    few, many = least(74, 4), least(1000, 50)
    assert many[0] == few[0]
    assert many[1] < few[1] * 1.05
    assert many[2] == few[2]


@pytest.mark.parametrize("connection", ["redis", "cluster"], indirect=True)
def test_a_long_branch_goes_and_comes_back_whole(connection, store, sessions, said):
    """It is moved in several commands."""
    talk = Talk(store, sessions, said)
    talk.say("first", "answer")
    key = redis_keys.messages("s", talk.thread)
    last = exact_json.loads(connection.lindex(key, -1))
    connection.rpush(key, *[exact_json.dumps(last | {"id": f"run_{number:032x}-0"}) for number in range(1200)])
    before = talk.shown
    talk.edit(before[0]["id"], "instead", "ok")
    assert talk.contents == ["instead", "ok"]
    assert talk.choose(before[700]["id"]) == "chosen"
    shown = talk.shown
    assert shown[0].pop("siblings")[0] == before[0]["id"]
    assert shown == before
    copied = talk.branches.fork("s", "", before[1100]["id"], "")
    assert [one["id"] for one in talk.shown] == [one["id"] for one in before[:1101]]
    assert talk.thread == copied["id"]
