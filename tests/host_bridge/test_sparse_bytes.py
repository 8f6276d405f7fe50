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
    sparse, model = SparseBytes(), {}
    for at, data in puts:
        sparse.put(at, data)
        model.update({at + offset: byte for offset, byte in enumerate(data)})
    data, marks = sparse.get(index, length)
    span = range(index, index + length)
    assert data == bytes(model.get(at, 0) for at in span)
    assert marks == bytes(at in model for at in span)


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
