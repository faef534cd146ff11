"""Which turns the page follows: see session/turn_follower.js."""

from __future__ import annotations

FOLLOW = """async (again) => {
  const { TurnFollower } = await import("/playground/session/turn_follower.js");
  const seen = { begun: 0, ended: 0, closed: 0 };
  const connection = () => ({
    runId: "run_1",
    close: () => seen.closed++,
    events: async function* () { yield { id: "run_1:1", event: { type: "complete" } }; },
  });
  const api = { resume: async () => connection() };
  const beginTurn = (runId) => {
    seen.begun++;
    const turn = { runId, open: true, applyEvent: () => (turn.open = false), fail: () => (turn.open = false) };
    return { turn, isGuess: false };
  };
  const data = { isProcessing: true, transcript: { canHave: () => true, beginTurn } };
  const handlers = { changed: () => {}, placeUnknown: () => {}, ended: () => seen.ended++ };
  const follower = new TurnFollower(api, "s", new AbortController().signal, data, handlers);
  await follower.followCurrent({ isNews: true });
  await follower.followCurrent(again);
  return seen;
}"""


def test_a_turn_that_was_read_to_its_end_is_no_news_again(here):
    followed = here.page.evaluate(FOLLOW, {"isNews": True})
    assert followed == {"begun": 1, "ended": 1, "closed": 1}


def test_it_is_replayed_where_the_page_asks_for_the_last_turn(here):
    followed = here.page.evaluate(FOLLOW, {"isNews": False})
    assert (followed["begun"], followed["ended"]) == (2, 1)
