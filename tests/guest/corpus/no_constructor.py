# { "Depends": "py-genlayer:test" }
from genlayer import *


class NoConstructor(gl.Contract):
    counter: u32
    name: str

    @gl.public.write
    def set(self, counter: u32, name: str):
        self.counter = counter
        self.name = name

    @gl.public.view
    def get(self):
        return [self.counter, self.name]
