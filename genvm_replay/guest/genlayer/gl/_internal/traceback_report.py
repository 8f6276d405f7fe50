"""What an author sees of an exception that nobody caught (sdk.md section 4.3)."""

import contextlib
import os
import sys
import traceback
import typing

with contextlib.suppress(ImportError):
    # Newer CPythons need it to print a traceback, and it is slow to import.
    import _colorize  # type: ignore[import-not-found]  # noqa: F401

if typing.TYPE_CHECKING:
    from types import TracebackType

# Frames of these modules say nothing about the contract when they come first.
_OURS: typing.Final = frozenset(
    {
        "_genlayer_runner",
        "genlayer.gl._internal.dispatch",
        "genlayer.gl._internal.stages",
        "genlayer.py.calldata_encoding",
        "importlib._bootstrap",
    }
)


_FIRST_LAYOUT: typing.Final = "genlayer.l1"  # it runs the contract's file, from a stub in the contract's name


class _Reserve:
    """Memory to report a MemoryError with: let go when it is needed."""

    kept: bytes | None = bytes(1 << 16)


def exit_code(error: SystemExit) -> int:
    """Do what CPython does at the end: a text is printed and means 1."""
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code if -(2**31) <= code < 2**31 else -1
    print(code, file=sys.stderr)
    return 1


def report(error: BaseException) -> None:
    """Print the traceback on stderr, beginning with the contract. Never raises."""
    try:
        if isinstance(error, MemoryError):
            _Reserve.kept = None
            traceback.clear_frames(error.__traceback__)  # what the frames hold may be all of the memory
        error.__traceback__ = _without_ours(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException:
        os.write(2, type(error).__name__.encode() + b": the traceback could not be printed\n")


def _without_ours(frames: "TracebackType | None") -> "TracebackType | None":
    while frames is not None and (
        _module(frames) in _OURS
        or _module(frames) == _FIRST_LAYOUT
        or _module(frames.tb_next) == _FIRST_LAYOUT
        or frames.tb_frame.f_code.co_filename.startswith("<frozen importlib")
    ):
        frames = frames.tb_next
    return frames


def _module(frames: "TracebackType | None") -> typing.Any:
    return None if frames is None else frames.tb_frame.f_globals.get("__name__")
