"""Text contracts: source code whose leading comment names what it runs on (spec/executor.md 6.1)."""

from __future__ import annotations

from typing import Final

from .archive import FILE, RUNNER_JSON, VERSION, Archive
from .refusal import NO_RUNNER_COMMENT, NOT_UTF8, refusal
from .version import BLANKS, DEFAULT_TEXT

MARKERS: Final = ("//", "#", "--")
EXAMPLE: Final = '# { "Depends": "py-genlayer:test" }'


def read_text(code: bytes) -> Archive:
    """Read a contract that is source code.

    Raises:
        VmError: it is no UTF-8, or does not begin with a comment.
    """
    try:
        text = code.decode()
    except UnicodeDecodeError as error:
        raise refusal(str(error), NOT_UTF8) from error
    comment = header_lines(text)
    version = DEFAULT_TEXT
    if comment[0].strip(BLANKS).startswith("v"):
        version = comment.pop(0)
    files = {RUNNER_JSON: "".join(comment).encode(), VERSION: version.encode(), FILE: code}
    return Archive(files, len(code))


def header_lines(text: str) -> list[str]:
    """The leading lines that are comments, without their marker: one at least.

    Lines end with LF or CR LF; nothing else ends one.

    Raises:
        VmError: the text does not start with one of MARKERS.
    """
    marker = next((marker for marker in MARKERS if text.startswith(marker)), None)
    if marker is None:
        raise refusal(f"the first line must name a runner, such as {EXAMPLE}", NO_RUNNER_COMMENT)
    lines = []
    at = 0
    while text.startswith(marker, at):
        end = text.find("\n", at)
        if end < 0:
            lines.append(text[at + len(marker) :])
            break
        lines.append(text[at + len(marker) : end].removesuffix("\r"))
        at = end + 1
    return lines
