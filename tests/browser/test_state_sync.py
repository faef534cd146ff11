"""When the page takes a session for deleted: its class alone, in node."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.document import ROOT
from tests.support.programs import needed

CODE = """
import { StateSync } from "FILE";
let [exists, told, replies] = [STARTS, [], REPLIES];
const api = {
  state: async () => {
    const { comesToBe, found } = replies.shift();
    if (comesToBe) exists = true;
    if (!found) throw Object.assign(new Error("none"), { status: 404 });
    return {};
  },
};
const sync = new StateSync(api, "id", new AbortController().signal, {
  pending: () => 0,
  exists: () => exists,
  isBehind: () => false,
  apply: () => told.push("applied"),
  missing: () => told.push("missing"),
});
await sync.load();
console.log(JSON.stringify([...told, replies.length]));
"""
NONE, SOME, BEGINS = {}, {"found": True}, {"comesToBe": True}


@pytest.mark.parametrize(
    ("exists", "replies", "told"),
    [
        (True, [SOME], ["applied", 0]),
        (True, [NONE], ["missing", 0]),
        (False, [NONE], [0]),
        (False, [BEGINS, SOME], ["applied", 0]),  # a message began it while the reply was under way
        (False, [BEGINS, NONE], ["missing", 0]),
    ],
)
def test_a_session_is_missing_if_it_was_there_before_it_was_asked_for(exists, replies, told):
    file = ROOT / "app/pages/static/playground/session/state_sync.js"
    code = CODE.replace("FILE", file.as_uri()).replace("STARTS", json.dumps(exists))
    run = [needed("node"), "--input-type=module"]
    ran = subprocess.run(run, input=code.replace("REPLIES", json.dumps(replies)), capture_output=True, text=True)
    assert (ran.stderr, json.loads(ran.stdout or "[]")) == ("", told)
