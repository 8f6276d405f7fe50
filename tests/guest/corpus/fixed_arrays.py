# { "Depends": "py-genlayer:test" }
from genlayer import *
import typing
from typing import Literal


class FixedArrays(gl.Contract):
    board: Array[u8, Literal[9]]
    names: Array[str, typing.Literal[2]]
    rows: Array[DynArray[u16], Literal[2]]

    def __init__(self):
        self.names = ["x", "o"]

    @gl.public.write
    def play(self, at: int, who: int) -> str:
        if self.board[at] != 0:
            raise gl.vm.UserError("taken")
        self.board[at] = u8(who)
        self.rows[who - 1].append(u16(at))
        return "".join(".xo"[cell] for cell in self.board)

    @gl.public.view
    def players(self) -> list[str]:
        return [*self.names, str(len(self.board)), str([list(row) for row in self.rows])]
