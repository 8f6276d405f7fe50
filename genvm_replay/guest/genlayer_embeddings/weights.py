"""A file of named arrays: the safetensors format, as far as float32 goes.

A little-endian u64, that many bytes of JSON (name -> dtype, shape, begin and end of the data), then the data.
"""

import json
import typing

import numpy as np  # type: ignore[import-not-found]  # the guest's

FLOAT32: typing.Final = "F32"


class Weights:
    """The arrays of a file. Nothing is read before it is asked for, and the file is not kept open."""

    def __init__(self, path: str) -> None:
        self._path = path
        with open(path, "rb", buffering=0) as file:
            size = int.from_bytes(file.read(8), "little")
            self._index: dict[str, typing.Any] = json.loads(file.read(size))
        self._data = 8 + size

    def array(self, name: str) -> typing.Any:
        """Read an array."""
        shape, start = self._place(name)
        with open(self._path, "rb", buffering=0) as file:
            return self._read(file, start, shape)

    def rows(self, name: str, numbers: typing.Any) -> typing.Any:
        """Read some rows of a matrix."""
        shape, start = self._place(name)
        width = shape[1]
        with open(self._path, "rb", buffering=0) as file:
            read = [self._read(file, start + int(number) * width * 4, (width,)) for number in numbers]
        return np.stack(read)

    def _place(self, name: str) -> tuple[tuple[int, ...], int]:
        entry = self._index[name]
        if entry["dtype"] != FLOAT32:
            raise TypeError(f"{self._path}: {name} has the type {entry['dtype']}, not {FLOAT32}")
        return tuple(entry["shape"]), self._data + entry["data_offsets"][0]

    def _read(self, file: typing.BinaryIO, start: int, shape: tuple[int, ...]) -> typing.Any:
        array = np.empty(shape, np.float32)
        file.seek(start)
        if file.readinto(array.data.cast("B")) != array.nbytes:  # type: ignore[attr-defined]
            raise EOFError(f"{self._path} ends in the middle of an array")
        return array
