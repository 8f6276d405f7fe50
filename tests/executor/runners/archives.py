"""Archives for tests: zip files and tars made by the standard library, and damaged ones made from them."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterable, Mapping

from genvm_replay.executor.runners.archive import Archive
from genvm_replay.executor.runners.runner import Runner
from genvm_replay.executor.runners.runner_id import RunnerId
from genvm_replay.executor.stops import VmError

EMPTY_MODULE = b"\0asm\x01\0\0\0"


def zipped(
    files: Mapping[str, bytes] | Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_STORED
) -> bytes:
    """A zip file; pairs may repeat a name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return out.getvalue()


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """The same bytes with some of them replaced; a negative place counts from the end."""
    at %= len(data)
    return data[:at] + new + data[at + len(new) :]


def tarred(files: Mapping[str, bytes]) -> bytes:
    """A tar as the standard library makes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def named_module(name: str) -> bytes:
    """An empty module with a name section."""
    inner = bytes([len(name)]) + name.encode()
    content = b"\x04name" + bytes([0, len(inner)]) + inner
    return EMPTY_MODULE + bytes([0, len(content)]) + content


def custom_section(name: str, content: bytes) -> bytes:
    """A custom section of fewer than 128 bytes."""
    body = bytes([len(name)]) + name.encode() + content
    return bytes([0, len(body)]) + body


def archive(action: object, files: Mapping[str, bytes] | None = None, size: int = 1000) -> Archive:
    """An archive whose runner.json is `action`."""
    return Archive({"runner.json": json.dumps(action).encode(), **(files or {})}, size)


class Shelf:
    """Runners by id, without files: every id is listed that it has."""

    def __init__(self, runners: Mapping[str, Archive | Runner]) -> None:
        self._runners = runners
        self.loaded: list[str] = []

    def resolve(self, text: str) -> RunnerId:
        runner = RunnerId.parse(text.replace(":latest", ":1"))
        if str(runner) not in self._runners:
            raise VmError("invalid_contract", f"no {text}")
        return runner

    def load(self, runner: RunnerId) -> Runner:
        self.loaded.append(str(runner))
        found = self._runners[str(runner)]
        return found if isinstance(found, Runner) else Runner(str(runner), found, "archive")


def end_record(count: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    """The last record of a zip file."""
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, offset, len(comment)) + comment
