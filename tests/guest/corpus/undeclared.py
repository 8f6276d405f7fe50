# { "Depends": "py-genlayer:test" }
from genlayer import *


class Undeclared(gl.Contract):
    kept: u32

    def __init__(self):
        self.kept = u32(1)
        self.lost = 2

    @gl.public.view
    def look(self) -> list:
        return [self.kept, hasattr(self, "lost")]
