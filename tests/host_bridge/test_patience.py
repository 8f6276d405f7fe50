"""How long a node waits: the usual time between requests, what is left of the transfer time within one."""

from __future__ import annotations

from genvm_replay.host_bridge.patience import Patience, Timeouts

ROWS = [  # moment, whether a request has begun, how long to wait
    (0.0, False, None),
    (5.0, True, 10.0),
    (9.0, True, 6.0),
    (15.0, True, 0.0),
    (99.0, True, 0.0),
    (100.0, False, None),
    (200.0, True, 10.0),
]


def test_waits() -> None:
    """A request's time runs from its first byte on, and no longer than it."""
    patience = Patience(Timeouts(transfer_s=10.0))
    assert [patience.wait_s(now, begun) for now, begun, _ in ROWS] == [wait for _, _, wait in ROWS]
