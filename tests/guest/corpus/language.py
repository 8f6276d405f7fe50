# { "Depends": "py-genlayer:test" }
"""A module docstring after the header."""

from __future__ import annotations
from genlayer import *
from dataclasses import dataclass, KW_ONLY
from functools import cached_property, lru_cache, partial, wraps
from contextlib import contextmanager
import typing as t

type Names = list[str]
Number: t.TypeAlias = int


def owner_only(method):
    @wraps(method)
    def checked(self, *args, **kwargs):
        if gl.message.sender_address != self.owner:
            raise gl.vm.UserError("only the owner")
        return method(self, *args, **kwargs)

    return checked


@contextmanager
def noted(log, what):
    log.append(f"begin {what}")
    try:
        yield what
    finally:
        log.append(f"end {what}")


class Language(gl.Contract):
    owner: Address
    count: u32
    VERSION: t.ClassVar[str] = "1.2"

    def __init__(self, names: Names | None = None):
        self.owner = gl.message.sender_address
        self.count = u32(len(names or []))

    @property
    def doubled(self) -> int:
        return self.count * 2

    @gl.public.write
    @owner_only
    def bump(self, by: Number = 1) -> int:
        self.count += by
        return self.doubled

    @gl.public.view
    def features(self, value: t.Any) -> list[str]:
        log: list[str] = []
        with noted(log, "block") as what:
            match value:
                case {"kind": str(kind), **rest}:
                    log.append(f"{kind} {len(rest)}")
                case [first, *others]:
                    log.append(f"{first} {len(others)}")
                case int() | None:
                    log.append(f"{value!r:>5}")
        if (size := len(log)) > 2:
            log.append(f"{size=}")
        first, *_ = log
        return [*log, what, first[::-1], f"{1_000_000:,}", type(self).VERSION, "ünï🎲"]

    @gl.public.view
    def generate(self, limit: int) -> dict[str, list[int]]:
        def primes():
            found = []
            for n in range(2, limit):
                if all(n % p for p in found):
                    found.append(n)
                    yield n

        return {"primes": [*primes()], "squares": sorted({n * n % 7 for n in range(10)})}
