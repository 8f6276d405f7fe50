"""The code module as files of a cache entry: `store` and the readers are each other's inverse."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

from .cache import Content, Stored
from .transform.code_module import CodeModule, Segment

CODE: Final = "code.wasm"
SEGMENTS: Final = "segments.bin"
NAMES: Final = "names.json.z"
MEMORY_PAGES: Final = "memory_pages"
STACK_POINTER: Final = "stack_pointer"
SEGMENT_HEADER: Final = struct.Struct("<II")  # address, size; then the bytes


def store(made: CodeModule) -> Content:
    """Lay a code module out as files."""
    names = json.dumps({str(index): name for index, name in made.names.items()})
    return Content(
        files={CODE: made.code, SEGMENTS: _encode(made.segments), NAMES: zlib.compress(names.encode())},
        facts={MEMORY_PAGES: made.memory_pages, STACK_POINTER: made.stack_pointer},
    )


def read_segments(stored: Stored) -> tuple[Segment, ...]:
    """Read what the memory starts with."""
    content = stored.read(SEGMENTS)
    segments = []
    pos = 0
    while pos < len(content):
        offset, size = SEGMENT_HEADER.unpack_from(content, pos)
        pos += SEGMENT_HEADER.size
        segments.append(Segment(offset, content[pos : pos + size]))
        pos += size
    return tuple(segments)


def read_names(stored: Stored) -> Mapping[int, str]:
    """Read the functions' names."""
    names = json.loads(zlib.decompress(stored.read(NAMES)))
    return {int(index): name for index, name in names.items()}


def _encode(segments: Sequence[Segment]) -> bytes:
    return b"".join(SEGMENT_HEADER.pack(item.offset, len(item.data)) + item.data for item in segments)
