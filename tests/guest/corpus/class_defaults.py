# { "Depends": "py-genlayer:test" }
from genlayer import *


class ClassDefaults(gl.Contract):
    balances: TreeMap[Address, u256] = TreeMap()
    limit: u256 = u256(10)
    LIMIT_MAX = 1000

    @gl.public.view
    def limits(self) -> list[int]:
        return [self.limit, self.LIMIT_MAX, len(self.balances)]
