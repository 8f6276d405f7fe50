"""Build a runner archive whose bytes, and so whose id, depend on its files alone (spec/executor.md 6.6, sdk.md 0).

The layout is that of CPython 3.13's tarfile, written out here because other releases fill the device fields otherwise.
The official archives also hold compiled modules: whoever wants those passes them as files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ...errors import UsageError
from .archive import RUNNER_JSON
from .tar_archive import BLOCK, END_SIZE, MAGIC, NAME, SIZE, TYPE, USTAR

RECORD: Final = 20 * BLOCK  # the whole is padded to a multiple of this
NAME_SIZE_MAX: Final = 99  # a reader loses the 100th byte
FILE_SIZE_MAX: Final = 8**11 - 1
MODE, UID, GID, MTIME, CHECKSUM = (
    slice(100, 108),
    slice(108, 116),
    slice(116, 124),
    slice(136, 148),
    slice(148, 156),
)


def build_tar(files: Mapping[str, bytes]) -> bytes:
    """Put files in an archive: sorted, without metadata, `runner.json` in its canonical form.

    Raises:
        UsageError: a name or a size that a header has no room for, or a runner.json that is no JSON.
    """
    parts = []
    for name in sorted(files):
        data = canonical_json(files[name]) if name == RUNNER_JSON else files[name]
        parts += [_header(name, len(data)), data, bytes(-len(data) % BLOCK)]
    parts.append(bytes(END_SIZE))
    size = sum(map(len, parts))
    return b"".join([*parts, bytes(-size % RECORD)])


def canonical_json(raw: bytes) -> bytes:
    """The same JSON with sorted keys, without blanks, with a line feed at its end.

    Raises:
        UsageError: no JSON.
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{RUNNER_JSON} is no JSON: {error}") from error
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _header(name: str, size: int) -> bytes:
    raw = name.encode()
    if not 0 < len(raw) <= NAME_SIZE_MAX or raw.endswith((b"/", b"\0")):
        raise UsageError(f"{name!r} can't be the name of a file in a runner archive")
    if size > FILE_SIZE_MAX:
        raise UsageError(f"{name}: {size} bytes are too many for a runner archive")
    header = bytearray(BLOCK)
    header[NAME] = raw.ljust(100, b"\0")
    header[MODE] = b"0000644\0"
    header[UID] = header[GID] = b"0000000\0"
    header[SIZE] = b"%011o\0" % size
    header[MTIME] = b"%011o\0" % 0
    header[CHECKSUM] = b" " * 8
    header[TYPE] = b"0"
    header[MAGIC] = USTAR
    header[CHECKSUM] = b"%06o\0 " % sum(header)
    return bytes(header)
