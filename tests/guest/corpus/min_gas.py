# { "Depends": "py-genlayer:test" }
from genlayer import *


class MinGas(gl.Contract):
    def __init__(self):
        pass

    @gl.public.write.min_gas(leader=100, validator=50)
    def costly(self) -> str:
        return "done"

    @gl.public.write.min_gas(leader=1, validator=2).payable
    def paid(self) -> int:
        return gl.message.value
