# { "Depends": "py-genlayer:test" }
from genlayer import *
import typing
from typing import Any, Optional, TypedDict, NamedTuple


class Pair(TypedDict):
    left: int
    right: str


class Spot(NamedTuple):
    x: int
    y: int


class ReturnTypes(gl.Contract):
    def __init__(self):
        self.nothing = 0

    @gl.public.view
    def none(self) -> None:
        return None

    @gl.public.view
    def bare_dict(self) -> dict:
        return {"b": 1, "a": [True, None]}

    @gl.public.view
    def maybe(self, yes: bool) -> dict | None:
        return {"yes": 1} if yes else None

    @gl.public.view
    def optional(self) -> Optional[str]:
        return None

    @gl.public.view
    def rows(self) -> list[dict]:
        return [{"id": i} for i in range(2)]

    @gl.public.view
    def texts(self) -> dict[str, str]:
        return {"k": "v"}

    @gl.public.view
    def mixed(self) -> dict[str, str | list[str]]:
        return {"one": "1", "many": ["1", "2"]}

    @gl.public.view
    def deep(self) -> dict[str, dict[str, int]]:
        return {"a": {"b": 1}}

    @gl.public.view
    def anything(self) -> Any:
        return b"\xff"

    @gl.public.view
    def of_any(self) -> dict[str, typing.Any]:
        return {"x": [1, "2", b"3"]}

    @gl.public.view
    def pair(self) -> tuple[int, str]:
        return (1, "2")

    @gl.public.view
    def many(self) -> tuple[int, ...]:
        return (1, 2, 3)

    @gl.public.view
    def typed(self) -> Pair:
        return {"left": 1, "right": "r"}

    @gl.public.view
    def spot(self) -> Spot:
        return Spot(3, 4)

    @gl.public.view
    def address(self) -> Address:
        return gl.message.contract_address

    @gl.public.view
    def number(self) -> u256:
        return u256(10**30)

    @gl.public.view
    def unbounded(self) -> bigint:
        return bigint(-(2**300))

    @gl.public.view
    def unannotated(self):
        return [1, [2, [3]]]
