"""Puts a module together from its sections, with longer vectors or sections that it did not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..wasm_binary import encode
from ..wasm_binary.sections import RANK, SectionId, WasmBinary
from .custom import NAMES


def lengthened(binary: WasmBinary, section_id: SectionId, items: Sequence[bytes]) -> bytes:
    """The content of a section that is a vector, with more items at its end."""
    cursor = binary.cursor(section_id)
    count = cursor.count()
    return b"".join(
        [encode.unsigned(count + len(items)), cursor.data[cursor.pos : cursor.end], *items],
    )


def assemble(binary: WasmBinary, changed: Mapping[SectionId, bytes]) -> bytes:
    """Join sections in the order of the format.

    Custom sections are left out, names excepted: hints about code would point to the wrong places.

    Args:
        changed: new content, also for sections that are not there yet.
    """
    data = memoryview(binary.data)
    kept: dict[SectionId, bytes | memoryview] = {
        section.id: data[section.head : section.end]
        for section in binary.sections
        if section.id != SectionId.CUSTOM
    }
    kept.update({section_id: encode.section(section_id, content) for section_id, content in changed.items()})
    names = [data[section.head : section.end] for section in binary.sections if section.name == NAMES]
    return b"".join(
        [encode.HEADER, *[kept[section_id] for section_id in sorted(kept, key=RANK.__getitem__)], *names]
    )
