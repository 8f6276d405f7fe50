# { "Depends": "py-genlayer:test" }
"""The guest's part of bench_guest.py: each operation by the SDK, and in plain Python as an SDK without native code."""

import dataclasses
from collections.abc import Mapping, Sequence

from genlayer import *
from genlayer.py.keccak_portable import keccak256

CALL = {"method": "transfer", "args": [Address(b"\x07" * 20), 10**18], "kwargs": {"note": "for the rent"}}
RECORD = {
    "id": 1234,
    "owner": Address(b"\x01" * 20),
    "title": "Will it rain in Lisbon tomorrow?",
    "resolved": False,
    "outcome": None,
    "pool": 5 * 10**21,
    "tags": ["weather", "lisbon", "daily"],
    "evidence": b"\xde\xad\xbe\xef" * 8,
    "history": [
        {"at": 1700000000 + i, "by": Address(bytes([i]) * 20), "amount": i * 10**17} for i in range(5)
    ],
}
TABLE = [RECORD | {"id": i} for i in range(40)]
VALUES = {"call": CALL, "record": RECORD, "table": TABLE}


def fields_of(x):
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        return {field.name: getattr(x, field.name) for field in dataclasses.fields(x)}
    return x


class PlainEncoder:
    """Calldata in the order of checks that spec/sdk.md section 3.2 gives, one byte after the other."""

    def __init__(self):
        self.out = bytearray()

    def number(self, n):
        if n == 0:
            self.out.append(0)
        while n > 0:
            low = n & 0x7F
            n >>= 7
            self.out.append(low | 0x80 if n else low)

    def value(self, x):
        x = fields_of(x)
        if isinstance(x, gl.calldata.CalldataEncodable):
            x = x.__to_calldata__()
        if x is None:
            self.out.append(0)
        elif x is True:
            self.out.append(16)
        elif x is False:
            self.out.append(8)
        elif isinstance(x, int):
            self.number(x << 3 | 1 if x >= 0 else (-x - 1) << 3 | 2)
        elif isinstance(x, Address):
            self.out.append(24)
            self.out.extend(x.as_bytes)
        elif isinstance(x, (bytes, bytearray)):
            self.number(len(x) << 3 | 3)
            self.out.extend(x)
        elif isinstance(x, memoryview):
            self.out.extend(x)
        elif isinstance(x, str):
            raw = x.encode("utf-8")
            self.number(len(raw) << 3 | 4)
            self.out.extend(raw)
        elif isinstance(x, Sequence):
            self.number(len(x) << 3 | 5)
            for item in x:
                self.value(item)
        elif isinstance(x, Mapping):
            self.number(len(x) << 3 | 6)
            for key in sorted(x):
                if not isinstance(key, str):
                    raise TypeError(key)
                raw = key.encode("utf-8")
                self.number(len(raw))
                self.out.extend(raw)
                self.value(x[key])
        else:
            raise TypeError(type(x))


class PlainDecoder:
    """Calldata through a memoryview, one byte after the other, with the checks of spec/sdk.md section 3.2."""

    def __init__(self, data):
        self.data = memoryview(data)

    def byte(self):
        if not self.data:
            raise ValueError("cut short")
        first = self.data[0]
        self.data = self.data[1:]
        return first

    def number(self):
        n = shift = 0
        while True:
            part = self.byte()
            n |= (part & 0x7F) << shift
            shift += 7
            if part & 0x80 == 0:
                if part == 0 and shift > 7:
                    raise ValueError("not the shortest form")
                return n

    def run(self, size):
        if size > len(self.data):
            raise ValueError("cut short")
        taken = self.data[:size]
        self.data = self.data[size:]
        return taken

    def value(self):
        head = self.number()
        kind, n = head & 7, head >> 3
        if kind == 0:
            return Address(self.run(20)) if n == 3 else {0: None, 1: False, 2: True}[n]
        if kind == 1:
            return n
        if kind == 2:
            return -n - 1
        if kind == 3:
            return bytes(self.run(n))
        if kind == 4:
            return str(self.run(n), "utf-8")
        if kind == 5:
            return [self.value() for _ in range(n)]
        result, previous = {}, None
        for _ in range(n):
            key = str(self.run(self.number()), "utf-8")
            if previous is not None and previous >= key:
                raise ValueError("keys out of order")
            previous = key
            result[key] = self.value()
        return result


def plain_encode(x):
    encoder = PlainEncoder()
    encoder.value(x)
    return bytes(encoder.out)


def plain_decode(data):
    return PlainDecoder(data).value()


def sdk_keccak(data):
    return Keccak256(data).digest()


class Bench(gl.Contract):
    @gl.public.view
    def run(self, what: str, plain: bool, times: int) -> None:
        kind, subject = what.split(" ", 1)
        if kind == "keccak":
            argument, pair = bytes(32 if subject == "32 B" else 20_000), (sdk_keccak, keccak256)
        elif kind == "encode":
            argument, pair = VALUES[subject], (gl.calldata.encode, plain_encode)
        else:
            argument, pair = gl.calldata.encode(VALUES[subject]), (gl.calldata.decode, plain_decode)
        assert pair[0](argument) == pair[1](argument)
        function = pair[plain]
        for _ in range(times):
            function(argument)
