"""A WebAssembly binary as its sections (WebAssembly core 3.0, 5.5)."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple, TypeVar

from . import encode
from .cursor import Cursor, WasmFormatError

SECTION_COUNT_MAX: Final = 100_000  # custom sections may repeat; more than this is an attack

T = TypeVar("T")


class SectionId(IntEnum):
    """Ids in the order of the specification; ORDER has the order in a file."""

    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    MEMORY = 5
    GLOBAL = 6
    EXPORT = 7
    START = 8
    ELEMENT = 9
    CODE = 10
    DATA = 11
    DATA_COUNT = 12
    TAG = 13


_ORDER: Final = (1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11)
RANK: Final[Mapping[int, int]] = {section_id: rank for rank, section_id in enumerate(_ORDER, 1)}


class Section(NamedTuple):
    """Where a section lies: `data[head:end]` with its header, `data[start:end]` without.

    A custom section's name belongs to its header here.
    """

    id: SectionId
    head: int
    start: int
    end: int
    name: str  # of a custom section, else ""


@dataclass(frozen=True, slots=True)
class WasmBinary:
    """The bytes of a module and where its sections lie. The bytes are never changed."""

    data: bytes
    sections: tuple[Section, ...]

    @classmethod
    def parse(cls, data: bytes) -> WasmBinary:
        """Find the sections.

        Raises:
            WasmFormatError: no module, or sections are cut off, repeated or out of order.
        """
        cursor = Cursor(data)
        if data[: len(encode.HEADER)] != encode.HEADER:
            raise WasmFormatError(0, "the header of a core module, version 1")
        cursor.skip(len(encode.HEADER))
        sections: list[Section] = []
        rank = 0
        while cursor.pos < cursor.end:
            section = _read_section(cursor)
            sections.append(section)
            if len(sections) > SECTION_COUNT_MAX:
                raise WasmFormatError(section.head, f"at most {SECTION_COUNT_MAX} sections")
            if section.id != SectionId.CUSTOM:
                if RANK[section.id] <= rank:
                    raise WasmFormatError(section.head, f"no {section.id.name} section at this place")
                rank = RANK[section.id]
        return cls(data, tuple(sections))

    def find(self, section_id: SectionId, name: str = "") -> Section | None:
        """Find a section; for CUSTOM, the first of that name. None if there is none."""
        for section in self.sections:
            if section.id == section_id and section.name == name:
                return section
        return None

    def cursor(self, section_id: SectionId, name: str = "") -> Cursor:
        """Start reading a section; an absent one reads as an empty vector."""
        section = self.find(section_id, name)
        return Cursor(b"\0") if section is None else Cursor(self.data, section.start, section.end)

    def vector(self, section_id: SectionId, item: Callable[[Cursor], T]) -> list[T]:
        """Read a section that is a vector of items, to its end. An absent section is an empty vector."""
        cursor = self.cursor(section_id)
        items = [item(cursor) for _ in range(cursor.count())]
        cursor.finish(f"section {section_id.name}")
        return items

    def rewrite(self, replace: Mapping[SectionId, bytes], *, drop: Container[SectionId] = ()) -> bytes:
        """Join the sections anew, in their order.

        Args:
            replace: new content, without header, for sections that are there and are not custom.
            drop: sections to leave out; CUSTOM means all custom sections.
        """
        whole = memoryview(self.data)
        parts: list[bytes | memoryview] = [encode.HEADER]
        for section in self.sections:
            if section.id in drop:
                continue
            if section.id in replace:
                parts.append(encode.section(section.id, replace[section.id]))
            else:
                parts.append(whole[section.head : section.end])
        return b"".join(parts)


def _read_section(cursor: Cursor) -> Section:
    head = cursor.pos
    number = cursor.byte()
    if number != SectionId.CUSTOM and number not in RANK:
        raise WasmFormatError(head, f"a section id, not {number}")
    size = cursor.u32()
    start = cursor.skip(size)
    if number != SectionId.CUSTOM:
        return Section(SectionId(number), head, start, start + size, "")
    content = Cursor(cursor.data, start, start + size)
    name = content.name()
    return Section(SectionId.CUSTOM, head, content.pos, start + size, name)
