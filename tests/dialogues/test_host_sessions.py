"""Whole sessions of the host protocol as scripts, each from the side of the executor or of the node."""

from __future__ import annotations

import pytest

from genvm_replay.journal.events import (
    OK,
    Answer,
    ConsumeFuel,
    ConsumeResult,
    GetCalldata,
    GetLeaderNondetResult,
    NotifyNondetDisagreement,
    PostEvent,
    PostNondetResult,
    RemainingFuelAsGen,
    StorageRead,
)

from .dialogue import Row, executor, node, play

C = b"C" * 20
UPGRADERS, LOCKED, CODE = b"U" * 32, b"L" * 32, b"K" * 32
READ_UPGRADERS = b"\x01\x00" + C + UPGRADERS + b"\0\0\0\0\4\0\0\0"

FIRST_STEPS: list[Row] = [  # spec/executor.md 1.3, steps 1 to 4 of a contract that nobody can upgrade
    (StorageRead(0, C, UPGRADERS, 0, 4), [READ_UPGRADERS]),
    (b"\0\0\0\0\0", [Answer(0, b"\0\0\0\0")]),
    (StorageRead(0, C, LOCKED, 0, 4), [b"\x01\x00" + C + LOCKED + b"\0\0\0\0\4\0\0\0"]),
    (b"\0\0\0\0\0", [Answer(0, b"\0\0\0\0")]),
    (StorageRead(0, C, LOCKED, 4, 0), [b"\x01\x00" + C + LOCKED + b"\4\0\0\0\0\0\0\0"]),
    (b"\0", [Answer(0, b"")]),
    (GetCalldata(), [b"\0"]),
    (b"\0\1\0\0\0\x06", [Answer(0, b"\x06")]),
    (StorageRead(0, C, CODE, 0, 4), [b"\x01\x00" + C + CODE + b"\0\0\0\0\4\0\0\0"]),
    (b"\0\3\0\0\0", [Answer(0, b"\3\0\0\0")]),
    (StorageRead(0, C, CODE, 4, 3), [b"\x01\x00" + C + CODE + b"\4\0\0\0\3\0\0\0"]),
    (b"\0# \n", [Answer(0, b"# \n")]),
]
HAND_OVER: list[Row] = [
    (ConsumeResult(b"\0\0"), [b"\3\2\0\0\0\0\0"]),
    (b"\0", [OK]),
    (None, []),
]
LEADER: list[Row] = [
    (GetLeaderNondetResult(0), [b"\4\0\0\0\0"]),
    (b"\3", [Answer(3)]),
    (RemainingFuelAsGen(), [b"\x0d"]),
    (b"\0\xff\xff\xff\xff\xff\xff\x1f\0", [Answer(0, 2**53 - 1)]),
    (ConsumeFuel(258), [b"\x08\2\1\0\0\0\0\0\0"]),  # no answer: the next request follows at once
    (PostNondetResult(0, b"\0\x0c"), [b"\5\0\0\0\0\2\0\0\0\0\x0c"]),
    (b"\0", [OK]),
]
VALIDATOR: list[Row] = [
    (GetLeaderNondetResult(0), [b"\4\0\0\0\0"]),
    (b"\0\2\0", []),
    (b"\0\0\0", []),
    (b"\x0c", [Answer(0, b"\0\x0c")]),
    (NotifyNondetDisagreement(0), [b"\x0e\0\0\0\0"]),
]
OUT_OF_GAS: list[Row] = [
    (PostEvent((), b"\x06"), [b"\7\0\1\0\0\0\x06"]),
    (b"\4", [Answer(4)]),  # a VM error for the guest, business as usual for the session
    (GetCalldata(), [b"\0"]),
    (b"\1", [Answer(1)]),
]
ERRORS_OF_THE_HOST: dict[str, list[Row]] = {
    "speaks first": [
        (b"\0", ["PeerProtocolError: the host sent 1 bytes out of turn: the session is idle"]),
        (GetCalldata(), ["LocalProtocolError: get_calldata is out of turn: the session is broken"]),
    ],
    "says too much": [
        (GetCalldata(), [b"\0"]),
        (
            b"\1\0\0",
            ["PeerProtocolError: the host sent 2 bytes out of turn in get_calldata: the session is idle"],
        ),
    ],
    "says nonsense": [
        (GetCalldata(), [b"\0"]),
        (b"\x63", ["PeerProtocolError: answer to get_calldata: unknown error byte 99"]),
    ],
    "announces 4 GiB": [
        (GetCalldata(), [b"\0"]),
        (
            b"\0\xff\xff\xff\xff",
            [
                "PeerProtocolError: answer to get_calldata: "
                "a slice of 4294967295 bytes is announced, limit 67108864"
            ],
        ),
    ],
    "goes away": [
        (StorageRead(0, C, UPGRADERS, 0, 4), [READ_UPGRADERS]),
        (b"\0\1", []),
        (None, ["HostLost: the host was lost in storage_read, at byte 2: end of stream"]),
    ],
    "answers twice at the end": [
        *HAND_OVER[:2],
        (b"\0", ["PeerProtocolError: the host sent 1 bytes out of turn: the session is done"]),
    ],
    "is not the one to blame": [
        (ConsumeResult(b"\0\0"), [b"\3\2\0\0\0\0\0"]),
        (GetCalldata(), ["LocalProtocolError: get_calldata is out of turn: the session is ending"]),
        (b"\0", [OK]),
        (GetCalldata(), ["LocalProtocolError: get_calldata is out of turn: the session is done"]),
    ],
}


@pytest.mark.parametrize(
    "rows",
    [
        FIRST_STEPS + HAND_OVER,
        FIRST_STEPS + LEADER + HAND_OVER,
        FIRST_STEPS + VALIDATOR + HAND_OVER,
        FIRST_STEPS + OUT_OF_GAS + HAND_OVER,
        *ERRORS_OF_THE_HOST.values(),
    ],
    ids=["plain", "leader", "validator", "out of gas", *ERRORS_OF_THE_HOST],
)
def test_the_executor(rows: list[Row]) -> None:
    """A request goes out as these bytes, these bytes come back as that answer."""
    play(rows, executor())


SERVED: dict[str, list[Row]] = {
    "in pieces": [
        (READ_UPGRADERS[:1], []),
        (READ_UPGRADERS[1:40], []),
        (READ_UPGRADERS[40:], [StorageRead(0, C, UPGRADERS, 0, 4)]),
        (Answer(0, b"\1\0\0\0"), [b"\0\1\0\0\0"]),
        (b"\3\2\0\0\0\0", []),
        (b"\0", [ConsumeResult(b"\0\0")]),
        (OK, [b"\0"]),
        (None, []),
    ],
    "told and asked at once": [
        (b"\x08\1\0\0\0\0\0\0\0\x0e\2\0\0\0\0", [ConsumeFuel(1)]),
        (OK, [b"", NotifyNondetDisagreement(2)]),
        (OK, [b"", GetCalldata()]),
        (Answer(2), [b"\2"]),
        (None, ["ExecutorLost: the executor was lost in no method, at byte 0: end of stream"]),
    ],
    "does not wait": [
        (
            b"\0\0",
            [
                "PeerProtocolError: the executor sent 1 bytes out of turn in get_calldata: the session is asked"
            ],
        ),
        (OK, ["LocalProtocolError: an answer, but no request"]),
    ],
    "goes on after its result": [
        (b"\3\0\0\0\0", [ConsumeResult(b"")]),
        (OK, [b"\0"]),
        (b"\0", ["PeerProtocolError: the executor sent 1 bytes out of turn: the session is done"]),
    ],
    "speaks a later version": [(b"\x0f", ["PeerProtocolError: unknown method 15"])],
    "dies": [
        (b"\x0c" + C[:7], []),
        (None, ["ExecutorLost: the executor was lost in get_balance, at byte 8: end of stream"]),
    ],
}


@pytest.mark.parametrize("rows", SERVED.values(), ids=SERVED)
def test_the_node(rows: list[Row]) -> None:
    """These bytes are that request, its answer goes out as these."""
    play(rows, node())
