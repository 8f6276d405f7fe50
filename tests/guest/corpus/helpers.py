# { "Depends": "py-genlayer:1j12s63yfjpva9ik2xgnffgrs6v44y1f52jvj9w7xvdn7qckd379" }
from genlayer import *
import json

FEE_PERCENT = 3


def fee_of(amount: int) -> int:
    return amount * FEE_PERCENT // 100


class Helpers(gl.Contract):
    paid: u256

    def __init__(self, start: int):
        self.paid = u256(start)

    @staticmethod
    def _double(value: int) -> int:
        return value * 2

    @classmethod
    def _kind(cls) -> str:
        return cls.__name__

    def _add(self, amount: int) -> int:
        self.paid = u256(self.paid + amount)
        return self.paid

    @gl.private
    def hidden(self) -> None:
        self._add(1)

    @gl.public.write
    def pay(self, amount: int) -> str:
        """Add twice the amount less a fee."""
        total = self._add(self._double(amount) - fee_of(amount))
        return json.dumps({"kind": self._kind(), "total": int(total)}, sort_keys=True)
