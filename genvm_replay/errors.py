"""The error tree of the whole package, split by who must act.

`UsageError`: the caller asked for something that makes no sense. `EnvironmentProblem`: the machine (database, cache,
runtime) is not in order. `JournalError`: a stored journal is damaged or unreadable. `Divergence`: a re-execution asked
for something else than the record holds. `GuestFault`: the guest passed a pointer outside its memory.
Errors carry fields, not only text; the text says what is wrong, where, and what to do.
"""

from __future__ import annotations


class ReplayError(Exception):
    """Base of all errors that this package raises on purpose."""


class UsageError(ReplayError):
    """The caller's words are off: an unknown transaction, a malformed address, a bad argument."""


class EnvironmentProblem(ReplayError):
    """The machine is not in order: a database that is not ours, a read-only folder, a damaged cache."""


class GuestFault(ReplayError):
    """A guest pointer leaves the linear memory; the run ends with an internal error (spec/executor.md 4.1)."""


class JournalError(ReplayError):
    """A stored journal can't be read or does not verify."""


class UnknownEvent(JournalError):
    """An event kind or version that this release can't read."""


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
    """A re-execution asked for something else than the record holds."""
