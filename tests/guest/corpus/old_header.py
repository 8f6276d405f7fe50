# { "Depends": "py-genlayer:15qfivjvy80800rh998pcxmd2m8va1wq2qzqhz850n8ggcr4i9q0" }
from genlayer import *


class OldHeader(gl.Contract):
    value: u256

    def __init__(self, value: int):
        self.value = u256(value)

    @gl.public.write
    def set(self, value: u256) -> None:
        self.value = value

    @gl.public.view
    def get(self) -> u256:
        return self.value
