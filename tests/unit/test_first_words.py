"""A title out of the first words of a message."""

from __future__ import annotations

import pytest

from app.state.conversation.titles import first_words


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param("ETH price?", "ETH price?", id="short text as it is"),
        pytest.param("  one\n\n two\tten ", "one two ten", id="spaces become single"),
        pytest.param("twelve chars", "twelve chars", id="just the limit"),
        pytest.param("one two three four", "one two…", id="cut between words"),
        pytest.param("hello, world, and more", "hello…", id="no comma before the dots"),
        pytest.param("x" * 20, "x" * 12 + "…", id="one long word is cut"),
        pytest.param(" \n ", "", id="blank"),
    ],
)
def test_the_first_words_are_the_title(text, title):
    assert first_words(text, limit=12) == title


def test_a_title_has_sixty_characters_and_the_dots_at_most():
    assert len(first_words("What is the current price of ETH? " * 10)) <= 61
