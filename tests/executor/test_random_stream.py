"""The random stream of deterministic VMs is the specified one, at every position."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.random_stream import RandomStream, words_for


def test_first_words() -> None:
    """spec/executor.md 7.3 gives the first four words."""
    assert RandomStream().read(0, 16).hex() == "fd73bcb8b239b678e9a8ce31fb0de0eb"


def test_leftovers_of_a_word_are_lost() -> None:
    """A tail of 1 to 4 bytes takes one word, of 5 to 7 bytes two."""
    assert [words_for(length) for length in range(10)] == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 70)), max_size=20))
def test_a_read_depends_on_its_position_only(reads: list[tuple[int, int]]) -> None:
    """Whatever was read before: jumping back and forth gives the same bytes as one long read."""
    whole = RandomStream().read(0, 4 * 700)
    stream = RandomStream()
    for position, length in reads:
        assert stream.read(position, length) == whole[4 * position : 4 * position + length]
