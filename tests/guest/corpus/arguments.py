# { "Depends": "py-genlayer:test" }
from genlayer import *


class Arguments(gl.Contract):
    last: str

    def __init__(self, name: str, count: int = 3, *, strict: bool = False):
        self.last = f"{name} {count} {strict}"

    @gl.public.view
    def last_call(self) -> str:
        return self.last

    @gl.public.write
    def texts(self, words: list[str]) -> str:
        self.last = " ".join(words)
        return self.last

    @gl.public.write
    def numbers(self, a: int, b: u32, c: u64, d: i64, e: u256, f: bigint) -> int:
        return a + b + c + d + e + f

    @gl.public.write
    def containers(self, a: list, b: list[int], c: dict, d: dict[str, int], e: tuple[int, str]) -> list:
        return [a, b, c, d, e]

    @gl.public.write
    def raw(self, data: bytes, who: Address, plain, flag: bool = True) -> dict:
        return {"data": data, "who": who, "plain": plain, "flag": flag}

    @gl.public.write
    def keywords(self, first: str, *, second: str = "2", third: int) -> str:
        return f"{first}{second}{third}"

    @gl.public.write
    def either(self, value: str | int | None = None) -> str:
        return repr(value)
