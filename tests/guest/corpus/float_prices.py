# { "Depends": "py-genlayer:test" }
from genlayer import *
import math


class FloatPrices(gl.Contract):
    price: float
    history: DynArray[float]
    by_name: TreeMap[str, float]

    def __init__(self, price: str):
        self.price = float(price)

    @gl.public.write
    def update(self, name: str, price: str) -> str:
        self.price = float(price)
        self.history.append(self.price)
        self.by_name[name] = self.price
        return f"{sum(self.history) / len(self.history):.4f}"

    @gl.public.view
    def volatility(self) -> str:
        mean = math.fsum(self.history) / max(1, len(self.history))
        return repr(math.sqrt(math.fsum((x - mean) ** 2 for x in self.history)))
