"""The error tree of the whole package, split by who must act.

`UsageError`: the caller asked for something that makes no sense. `EnvironmentProblem`: the machine (database, cache,
runtime) is not in order. `JournalError`: a stored journal is damaged or unreadable. `Divergence`: a re-execution asked
for something else than the record holds. `GuestFault`: the guest passed a pointer outside its memory.
`PeerProtocolError`, `LocalProtocolError`, `ConnectionLost`: the host protocol was broken by the other side, by us, by
the connection.
Errors carry fields, not only text; the text says what is wrong, where, and what to do.
"""

from __future__ import annotations


class ReplayError(Exception):
    """Base of all errors that this package raises on purpose."""


class UsageError(ReplayError):
    """The caller's words are off: an unknown transaction, a malformed address, a bad argument."""


class EnvironmentProblem(ReplayError):
    """The machine is not in order: a database that is not ours, a read-only folder, a damaged cache."""


class OutsideRecord(ReplayError):
    """A supposed run asks for something that its record has no answer to; the text says what."""


class GuestFault(ReplayError):
    """A guest pointer leaves the linear memory; the run ends with an internal error (spec/executor.md 4.1)."""


class PeerProtocolError(ReplayError):
    """The other side of the host protocol broke it: hang up, nothing it says can be trusted any more."""


class LocalProtocolError(ReplayError):
    """Our own code broke the host protocol: a request out of turn, a value that the wire can't carry."""


class ConnectionLost(ReplayError):
    """The other side of the host protocol went away, stalled, or was cut off.

    Attributes:
        method: name of the host method it happened in; `connect`, or "" between two methods.
        at: how many bytes of what was due had arrived: of the answer at the executor, of the request at the node.
        reason: what ended it.
    """

    peer = "peer"

    def __init__(self, method: str, at: int, reason: str) -> None:
        self.method = method
        self.at = at
        self.reason = reason
        super().__init__(f"the {self.peer} was lost in {method or 'no method'}, at byte {at}: {reason}")


class HostLost(ConnectionLost):
    """The executor lost its host: an internal error of the run, never a VM error (spec/executor.md 1.2)."""

    peer = "host"


class ExecutorLost(ConnectionLost):
    """The node lost its executor before the result was handed over: a crash (spec/executor.md 11)."""

    peer = "executor"


class JournalError(ReplayError):
    """A stored journal can't be read or does not verify."""


class UnknownEvent(JournalError):
    """An event kind or version that this release can't read.

    Attributes:
        kind: as stored, such as `read_clock/2`.
        reads: what this release can read of it.
        release: the one that recorded the run, where that is known: it, and later ones, can read the event.
    """

    def __init__(self, kind: str, reads: str, release: str | None = None) -> None:
        self.kind = kind
        self.reads = reads
        self.release = release
        by = f"genvm-replay {release}; use that release or a later one" if release else "a newer release"
        super().__init__(f"{kind!r} was written by {by}; this is {reads}")


class PayloadRedacted(JournalError):
    """A payload was removed from the journal on purpose; its hash, and so every proof, is still there.

    Attributes:
        digest: BLAKE3 of the payload.
        line: of the event whose payload it is.
        seq: index of that event in its line, from 0.
        field: such as `answer.value`.
    """

    def __init__(self, digest: bytes, line: str, seq: int, field: str) -> None:
        self.digest = digest
        self.line = line
        self.seq = seq
        self.field = field
        super().__init__(f"{line}[{seq}]: {field} was redacted; its BLAKE3 is {digest.hex()}")


class ProofBroken(JournalError):
    """A proof of an event does not hold, or proves something else than was asked."""


class Mismatch(ReplayError):
    """Something recorded differs from what stands in its place now.

    Attributes:
        line: name of the line (`main`, `nondet:0`, ...), or `header` / `footer` for the run's own fields.
        seq: index of the event in its line, from 0; None for the header and the footer.
        field: name of the differing field, dotted where it is nested.
        expected: the recorded value. None where nothing was recorded.
        actual: the value met now. None where nothing came.
    """

    def __init__(self, line: str, seq: int | None, field: str, expected: object, actual: object) -> None:
        self.line = line
        self.seq = seq
        self.field = field
        self.expected = expected
        self.actual = actual
        at = line if seq is None else f"{line}[{seq}]"
        super().__init__(f"{at}: {field}: recorded {expected!r}, now {actual!r}")


class JournalDamaged(Mismatch, JournalError):
    """The stored bytes do not match their own hashes: the journal was changed after it was written."""


class Divergence(Mismatch):
    """A re-execution asked for something else than the record holds.

    Attributes:
        vm: which VM asked, for people; `` if none was running.
        traceback: where a Python guest was, the innermost frame first; `` if it can't tell.
    """

    vm = ""
    traceback = ""
