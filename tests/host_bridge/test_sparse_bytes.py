"""A slot of which only some bytes are known: what was put comes back, all else is unknown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.host_bridge.sparse_bytes import PAGE, SparseBytes, gaps, held

INDEX = st.integers(PAGE - 8, PAGE + 8) | st.integers(0, 3 * PAGE)
PUTS = st.lists(st.tuples(INDEX, st.binary(max_size=2 * PAGE)), max_size=6)


@given(PUTS, INDEX, st.integers(0, 2 * PAGE))
def test_it_is_a_dict_of_bytes(puts: list[tuple[int, bytes]], index: int, length: int) -> None:
    """The model: one byte an entry, the last put counts."""
    sparse, model = filled(puts)
    data, marks = sparse.get(index, length)
    span = range(index, index + length)
    assert data == bytes(model.get(at, 0) for at in span)
    assert marks == bytes(at in model for at in span)


@given(PUTS, PUTS, PUTS, INDEX, st.integers(0, 2 * PAGE))
def test_layers_are_like_dicts(
    first: list[tuple[int, bytes]],
    second: list[tuple[int, bytes]],
    late: list[tuple[int, bytes]],
    index: int,
    length: int,
) -> None:
    """What is put, put but not over others, and laid over is what is read; the first unknown byte is named."""
    (below, model), (above, over) = filled(first), filled(second)
    for at, data in late:
        below.put(at, data, but_not=above)
        model.update({place: byte for place, byte in enumerate(data, at) if place not in over})
    below.lay(above, 0, 6 * PAGE)
    model |= over
    span = range(index, index + length)
    unknown = next((place for place in span if place not in model), None)
    assert below.fetch(index, length) == (bytes(map(model.get, span)) if unknown is None else unknown)
    assert below.knows_any(index, length) == any(place in model for place in span)


def filled(puts: list[tuple[int, bytes]]) -> tuple[SparseBytes, dict[int, int]]:
    made, model = SparseBytes(), {}
    for index, data in puts:
        made.put(index, data)
        model.update(enumerate(data, index))
    return made, model


@given(st.lists(st.booleans(), max_size=40))
def test_gaps_and_held_parts_make_up_the_whole(known: list[bool]) -> None:
    """Every position is in exactly one stretch."""
    marks = bytes(known)
    assert sorted(at for part in gaps(marks) for at in range(part.start, part.stop)) == [
        at for at, mark in enumerate(marks) if not mark
    ]
    assert sorted(at for part in held(marks) for at in range(part.start, part.stop)) == [
        at for at, mark in enumerate(marks) if mark
    ]


def test_a_far_index_takes_two_pages_not_the_memory_before_it() -> None:
    """Indices are 32 bits wide and come from a contract."""
    sparse = SparseBytes()
    sparse.put(2**32 - 2, b"abcd")
    assert sparse.get(2**32 - 3, 6) == (bytearray(b"\0abcd\0"), bytearray(b"\0\1\1\1\1\0"))
