# { "Depends": "py-genlayer:test" }
from genlayer import *


class EmptyContainers(gl.Contract):
    balances: TreeMap[Address, u256]
    names: TreeMap[str, str]
    log: DynArray[str]
    numbers: DynArray[u32]

    def __init__(self):
        self.balances = TreeMap()
        self.names = TreeMap[str, str]()
        self.log = DynArray()
        self.numbers = DynArray[u32]()

    @gl.public.write
    def use(self) -> None:
        self.names["a"] = "b"
        self.log.append("c")
        self.numbers.extend([1, 2, 3])
        self.balances[gl.message.sender_address] = u256(4)

    @gl.public.write
    def reset(self) -> None:
        self.balances = TreeMap()
        self.names = {}
        self.log = []
        self.numbers = [9]

    @gl.public.view
    def sizes(self) -> list[int]:
        return [len(self.balances), len(self.names), len(self.log), len(self.numbers)]
