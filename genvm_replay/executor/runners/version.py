"""The `version` file of an archive: three numbers (spec/executor.md 6.2)."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from .refusal import refusal, shown

Version: TypeAlias = tuple[int, int, int]

DEFAULT_VERSION: Final[Version] = (0, 1, 0)
DEFAULT_TEXT: Final = "v0.1.0"
U16_MAX: Final = 0xFFFF
BLANKS: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""What Unicode calls white space. `str.strip` would take the separators U+001C to U+001F too."""
_NUMBERS: Final = re.compile(r"v?" + r"\.".join([r"0*([0-9]{1,5})"] * 3))


def parse_version(text: str) -> Version:
    """Read `v1.2.3`: three 16-bit numbers, not all 0, blanks around them.

    Raises:
        VmError: anything else.
    """
    match = _NUMBERS.fullmatch(text.strip(BLANKS))
    if match is not None:
        major, minor, patch = map(int, match.groups())
        if 0 < max(major, minor, patch) <= U16_MAX:
            return major, minor, patch
    raise refusal(f"not a version: {shown(text)} (three numbers, such as v0.1.0)")
