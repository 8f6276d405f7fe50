# { "Depends": "py-genlayer:test" }
from genlayer import *

CHILD = b"""# { "Depends": "py-genlayer:test" }
from genlayer import *

class Child(gl.Contract):
    n: u32
    def __init__(self, n: int):
        self.n = u32(n)
"""


class Factory(gl.Contract):
    children: DynArray[Address]

    def __init__(self):
        pass

    @gl.public.write
    def make(self, count: int) -> list:
        for number in range(count):
            address = gl.deploy_contract(
                code=CHILD, args=[number], salt_nonce=u256(number + 1), on="accepted"
            )
            self.children.append(address)
        gl.deploy_contract(code=CHILD, kwargs={"n": 5})
        return list(self.children)

    @gl.public.view
    def get_children(self) -> list[str]:
        return [child.as_hex for child in self.children]
