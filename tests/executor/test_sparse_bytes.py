"""Bytes of which only some are known, against a plain dict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.sparse_bytes import PAGE, SparseBytes

PLACES = st.integers(0, 3 * PAGE)
PUTS = st.lists(st.tuples(PLACES, st.binary(min_size=1, max_size=PAGE + 50)), max_size=6)


def filled(puts: list[tuple[int, bytes]]) -> tuple[SparseBytes, dict[int, int]]:
    made, model = SparseBytes(), {}
    for index, data in puts:
        made.put(index, data)
        model.update(enumerate(data, index))
    return made, model


@given(PUTS, PUTS, PUTS, PLACES, st.integers(0, PAGE + 50))
def test_like_a_dict(
    first: list[tuple[int, bytes]],
    second: list[tuple[int, bytes]],
    late: list[tuple[int, bytes]],
    index: int,
    length: int,
) -> None:
    """What is put, put but not over others, and laid over is what is read; the first unknown byte is named."""
    below, model = filled(first)
    above, over = filled(second)
    for at, data in late:
        below.put(at, data, but_not=above)
        model.update({place: byte for place, byte in enumerate(data, at) if place not in over})
    below.lay(above, 0, 5 * PAGE)
    model |= over
    unknown = next((place for place in range(index, index + length) if place not in model), None)
    wanted = bytes(model[place] for place in range(index, index + length)) if unknown is None else unknown
    assert below.get(index, length) == wanted
    assert below.knows_any(index, length) == any(place in model for place in range(index, index + length))
