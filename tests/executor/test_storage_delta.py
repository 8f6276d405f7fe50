"""The storage delta equals a plain model, and its hash depends on the final bytes only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.storage_delta import StorageDelta

SLOTS = (b"a" * 32, b"b" * 32)
WRITES = st.lists(
    st.tuples(
        st.sampled_from(SLOTS),
        st.integers(0, 600) | st.integers(2**32 - 300, 2**32 - 280),
        st.binary(max_size=270),
    ),
    max_size=12,
)


def model(writes: list[tuple[bytes, int, bytes]]) -> dict[tuple[bytes, int], int]:
    return {(slot, index + at): byte for slot, index, data in writes for at, byte in enumerate(data)}


@given(WRITES)
def test_runs_are_the_bytes_written_last(writes: list[tuple[bytes, int, bytes]]) -> None:
    """Every byte, once, in maximal runs, in order."""
    delta = StorageDelta()
    for write in writes:
        delta.write(*write)
    runs = list(delta.runs())
    assert model(runs) == model(writes)
    assert runs == sorted(runs, key=lambda run: run[:2])
    ends = {(slot, index + len(data)) for slot, index, data in runs}
    assert not ends & {(slot, index) for slot, index, _ in runs}, "two runs touch"
    assert all(data for _, _, data in runs)


@given(WRITES)
def test_the_hash_is_of_the_result_not_of_the_way(writes: list[tuple[bytes, int, bytes]]) -> None:
    """Writing byte by byte gives the same hash; one byte more gives another."""
    whole, single = StorageDelta(), StorageDelta()
    for write in writes:
        whole.write(*write)
    for (slot, index), byte in model(writes).items():
        single.write(slot, index, bytes((byte,)))
    assert whole.hash() == single.hash()
    single.write(b"c" * 32, 0, b"\0")
    assert whole.hash() != single.hash()
