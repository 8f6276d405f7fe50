# { "Depends": "py-genlayer:test" }
from genlayer import gl, u256, Address, TreeMap
from genlayer.gl import Contract, public, message


class FromGl(Contract):
    scores: TreeMap[str, u256]

    def __init__(self, name: str):
        self.scores[name] = u256(1)

    @public.write
    def raise_score(self, name: str, by: int) -> int:
        self.scores[name] = u256(self.scores[name] + by)
        return self.scores[name]

    @public.view
    def who(self) -> str:
        return gl.message.sender_address.as_hex

    @public.view
    def ranking(self) -> list[list]:
        return sorted([[name, int(score)] for name, score in self.scores.items()], key=lambda e: -e[1])
