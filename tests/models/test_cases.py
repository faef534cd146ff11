"""Every case, in both stream modes: the events of its turn, the turns after it, what was sent, what was billed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.models import compare
from tests.models.cases_file import cases
from tests.models.play import Outcome, play, problems
from tests.models.stack import MODES, Stacks
from tests.support.patience import patient

AT_ONCE = 16
"""Cases that are played side by side in each mode, beside those that only wait for a provider that is silent."""

DEFAULT, OTHER = MODES
IN_BOTH = list(cases())[::2]
"""Those played in the other mode, too: it differs behind the wires, of which each has many cases."""
IN_THE_OTHER = [pytest.param(name, OTHER, marks=pytest.mark.exhaustive) for name in IN_BOTH]
AT_FIRST = [pytest.param(name, DEFAULT, marks=() if name in IN_BOTH else pytest.mark.long) for name in cases()]

Played = Callable[[str, str], Outcome]


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest, stacks: Stacks) -> Iterator[Played]:
    """The outcome of a case in a mode. All selected ones are played side by side: most of their time is waiting."""
    here = [item.callspec.params for item in request.session.items if item.path == request.path]
    chosen = dict.fromkeys((params["name"], mode) for params in here for mode in [params.get("mode")] if mode)
    chosen |= dict.fromkeys((params["name"], mode) for params in here if "mode" not in params for mode in MODES)
    waiting_first = sorted(chosen, key=lambda one: not cases()[one[0]].is_silent)
    silent = sum(cases()[name].is_silent for name, _ in chosen)
    with ThreadPoolExecutor(AT_ONCE * len(MODES) + silent) as pool:
        futures: dict[tuple[str, str], Future[Outcome]] = {
            (name, mode): pool.submit(play, stacks[mode], cases()[name]) for name, mode in waiting_first
        }
        yield lambda name, mode: futures[name, mode].result(patient(120))


@pytest.mark.parametrize(("name", "mode"), [*AT_FIRST, *IN_THE_OTHER])
def test_a_case_is_as_it_says(name: str, mode: str, played: Played) -> None:
    found = problems(played(name, mode))
    assert not found, "\n".join(["", *found])


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", IN_BOTH)
def test_both_modes_give_the_same_events(name: str, played: Played) -> None:
    inner, wrapper = (played(name, mode).turns[0].events for mode in MODES)
    assert compare.shape(inner) == compare.shape(wrapper)
