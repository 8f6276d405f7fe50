# v0.2.16
# { "Depends": "py-genlayer:test" }

"""Whatever can go wrong in a contract, a method each."""

import sys
import typing

from genlayer import *


class Trouble(gl.Contract):
    count: u32
    kept: DynArray[str]

    def __init__(self, count: int = 0):
        self.count = count

    @gl.public.write
    def add(self, amount: int, *, twice: bool = False) -> int:
        self.count += amount * (2 if twice else 1)
        return self.count

    @gl.public.view
    def get(self) -> int:
        return self.count

    @gl.public.write
    def keep(self, text: str) -> int:
        self.kept.append(text)
        return len(self.kept)

    @gl.public.view
    def echo(self, value: typing.Any) -> typing.Any:
        return value

    @gl.public.view
    def say(self, text: str, error: str) -> None:
        print(text)
        print(error, file=sys.stderr)

    @gl.public.view
    def when(self) -> str:
        return gl.message_raw["datetime"]

    @gl.public.view
    def who(self) -> Address:
        return gl.message.sender_address

    @gl.public.write
    def refuse(self, why: str) -> None:
        self.count += 1
        raise gl.vm.UserError(why)

    @gl.public.write
    def crash(self) -> None:
        self.count += 1
        raise RuntimeError("crashed on purpose")

    @gl.public.view
    def spin(self) -> None:
        while True:
            pass

    @gl.public.view
    def eat(self, megabytes: int) -> int:
        return len(bytearray(megabytes << 20))

    @gl.public.view
    def hoard(self) -> None:
        held = []
        while True:
            held.append(bytearray(1 << 20))

    @gl.public.view
    def dive(self) -> None:
        self.dive()

    @gl.public.view
    def nest(self, depth: int) -> list:
        value = []
        for _ in range(depth):
            value = [value]
        return value

    @gl.public.view
    def power(self, digits: int) -> int:
        return 10**digits

    @gl.public.view
    def leave(self, status: int) -> None:
        sys.exit(status)
