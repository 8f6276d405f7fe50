# v0.1.10
# { "Depends": "py-genlayer:test" }
import sys
import random
from genlayer import *


class Streams(gl.Contract):
    def __init__(self):
        print("deploying", self.address.as_hex is not None)

    @gl.public.view
    def say(self, what: str) -> int:
        print(what, end="!\n", flush=True)
        print(what, file=sys.stderr)
        sys.stdout.write("raw\n")
        gl.trace("trace", what)
        return len(what)

    @gl.public.view
    def dice(self) -> list[int]:
        with open(0, "rb", closefd=False) as message:
            raw = message.read()
        generator = random.Random(raw)
        return [generator.randint(1, 6) for _ in range(3)]
