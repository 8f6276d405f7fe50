# v0.1.3
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
from genlayer import *


class Transfer(gl.Event):
    def __init__(self, amount: int, to: Address, /, **blob): ...


class Events(gl.Contract):
    def __init__(self):
        pass

    @gl.public.write
    def send(self, to: Address, amount: int) -> None:
        Transfer(amount, to, note="for you").emit()

    @gl.public.write
    def raw(self) -> None:
        gl.advanced.emit_raw_event([b"\x01" * 32], {"kind": "raw"})

    @gl.public.view
    def shape(self) -> list:
        return [Transfer.name, Transfer.indexed, Transfer.signature]
