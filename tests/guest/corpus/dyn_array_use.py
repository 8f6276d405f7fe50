# { "Depends": "py-genlayer:test" }
from genlayer import *
import collections.abc


class DynArrayUse(gl.Contract):
    numbers: DynArray[i64]
    words: DynArray[str]

    def __init__(self, numbers: list[int]):
        self.numbers = numbers

    @gl.public.write
    def edit(self) -> list:
        a = self.numbers
        a.extend([4, 5])
        a.insert(0, -1)
        a.insert(len(a), 99)
        a[1] = 10
        a[-1] += 1
        a += [7]
        a.remove(5)
        a.pop(0)
        del a[0]
        a.reverse()
        self.words.append("x")
        self.words[0] += "y"
        return [list(a), a[1:3], a.index(7), a.count(4), 4 in a, len(a), repr(a), max(a), sorted(a)]

    @gl.public.view
    def kinds(self) -> list[bool]:
        return [isinstance(self.numbers, collections.abc.Sequence), isinstance(self.numbers, list)]

    @gl.public.view
    def page(self, start: int, size: int) -> list[int]:
        return self.numbers[start : start + size]

    @gl.public.write
    def drain(self) -> int:
        total = 0
        while self.numbers:
            total += self.numbers[-1]
            self.numbers.pop()
        self.words.clear()
        return total
